# The version is written in heartbeat.control. Where another format wants it once more (the changelogs, a Debian package, PGXN),
# it is the same there, and each version that was released has a way to it.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = $ENV{TESTDIR};
my ($version) = slurp_file("$root/heartbeat.control") =~ /^default_version = '(\d+(?:\.\d+)+)'$/m;
ok($version, 'heartbeat.control has a version') or BAIL_OUT('there is nothing to compare with');

my @changes = slurp_file("$root/CHANGELOG.md") =~ /^## (\S+)/gm;
is($changes[0], $version, 'it is the newest one in CHANGELOG.md');
my ($package) = slurp_file("$root/debian/changelog") =~ /\A\S+ \(([^-]+)-/;
is($package, $version, 'it is the one to be packaged, in debian/changelog');
my $program = `$root/build/generator/heartbeat-generator --version`;
is($program, "heartbeat-generator $version\n", 'the generator says it');

is(system("make -s -C $root META.json"), 0, 'make META.json works');
my $meta = decode_json(slurp_file("$root/META.json"));
my $three = $version =~ /^\d+\.\d+$/ ? "$version.0" : $version;
is($meta->{version}, $three, 'META.json has it with three numbers');
is($meta->{provides}{heartbeat}{version}, $three, 'for the extension, too');
for my $key ('name', 'abstract', 'maintainer', 'license')
{
	ok($meta->{$key}, "META.json has the field $key, which PGXN wants");
}
is($meta->{'meta-spec'}{version}, '1.0.0', 'and says which specification it follows');
ok(-f "$root/$meta->{provides}{heartbeat}{$_}", "its $_ is there") for 'file', 'docfile';

# The version itself is made from sql/extension.
ok(!-e "$root/sql/heartbeat--$version.sql", 'the script of this version is not a frozen one');
for my $i (1 .. $#changes)
{
	ok(-f "$root/sql/updates/$changes[$i]--$changes[$i - 1].sql", "there is an update from $changes[$i] to $changes[$i - 1]");
}

done_testing();
