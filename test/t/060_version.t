# heartbeat.control contains the version. The changelogs, the Debian packages and PGXN also contain the version, and the
# version must be the same everywhere. Each earlier version must have an update script to the next version.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = $ENV{TESTDIR};
my ($version) = slurp_file("$root/heartbeat.control") =~ /^default_version = '(\d+(?:\.\d+)+)'$/m;
ok($version, 'heartbeat.control has a version') or BAIL_OUT('there is nothing to compare with');

my @changes = slurp_file("$root/CHANGELOG.md") =~ /^## (\S+)/gm;
is($changes[0], $version, 'the newest version in CHANGELOG.md is the version of heartbeat.control');
my ($package) = slurp_file("$root/debian/changelog") =~ /\A\S+ \(([^-]+)-/;
is($package, $version, 'the version in debian/changelog is the version of heartbeat.control');
my $program = `$root/build/generator/heartbeat-generator --version`;
is($program, "heartbeat-generator $version\n", 'the generator prints the version');

is(system("make -s -C $root META.json"), 0, 'make META.json succeeds');
my $meta = decode_json(slurp_file("$root/META.json"));
my $three = $version =~ /^\d+\.\d+$/ ? "$version.0" : $version;
is($meta->{version}, $three, 'META.json has the version with three numbers');
is($meta->{provides}{heartbeat}{version}, $three, 'META.json has the version of the extension with three numbers');
for my $key ('name', 'abstract', 'maintainer', 'license')
{
	ok($meta->{$key}, "META.json has the field $key, which PGXN needs");
}
is($meta->{'meta-spec'}{version}, '1.0.0', 'META.json names the version of its specification');
ok(-f "$root/$meta->{provides}{heartbeat}{$_}", "the $_ of META.json exists") for 'file', 'docfile';

# The build makes the script of the current version from sql/extension, so sql/ has no script of this version.
ok(!-e "$root/sql/heartbeat--$version.sql", 'sql/ has no frozen script of the current version');
for my $i (1 .. $#changes)
{
	ok(-f "$root/sql/updates/$changes[$i]--$changes[$i - 1].sql", "sql/updates has an update from $changes[$i] to $changes[$i - 1]");
}

done_testing();
