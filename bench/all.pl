# Compares the key figures of a run of bench/all with the last ones, which a table in docs/performance.md has. Prints the table
# with both. With --keep, also writes the new figures into the document.
#
#   perl bench/all.pl FIGURES DOCUMENT [--keep]
#
# A line of FIGURES has the name of the figure, its value, and `higher` or `lower`: the direction that is better.

use strict;
use warnings;

use POSIX qw(strftime);

my ($figures_file, $document, $keep) = @ARGV;
my $title = '## All benchmarks';
my $head  = "| figure | better | value |\n|---|---|---|\n";

sub read_file { my ($path) = @_; open(my $in, '<', $path) or die "$path: $!\n"; local $/ = undef; return scalar <$in>; }

# Splits the document into the text up to the table, the table, and the rest.
my $text = read_file($document);
my ($before, $table, $after) = $text =~ /\A(.*^\Q$title\E\n.*?\Q$head\E)((?:^\|.*\n)*)(.*)\z/ms
  or die "$document: no table of figures below \"$title\"\n";
my (%last, @names);
for my $line (split /\n/, $table)
{
	my ($name, $better, $value) = $line =~ /^\| (.*) \| (higher|lower) \| ([\d.]+) \|$/ or die "$document: unexpected line: $line\n";
	push @names, $name;
	$last{$name} = { better => $better, value => $value };
}

my %now;
for my $line (split /\n/, read_file($figures_file))
{
	my ($name, $value, $better) = split /\t/, $line;
	push @names, $name unless $last{$name} || $now{$name};
	$now{$name} = { better => $better, value => $value };
}

# Positive if the new value is better.
sub change_of
{
	my ($last, $now) = @_;
	return '' unless $last && $now && $last->{value} != 0;
	my $ratio = $now->{value} / $last->{value};
	my $worse = $now->{better} eq 'higher' ? $ratio < 0.9 : $ratio > 1.1;
	return sprintf '%.2f%s', $ratio, $worse ? ' worse' : '';
}

printf "%-78s %-7s %10s %10s %12s\n", 'figure', 'better', 'last', 'now', 'now / last';
for my $name (@names)
{
	my ($last, $now) = ($last{$name}, $now{$name});
	printf "%-78s %-7s %10s %10s %12s\n", $name, ($now // $last)->{better}, $last ? $last->{value} : '-', $now ? $now->{value} : '-',
	  change_of($last, $now);
}

if ($keep)
{
	my $day = strftime('%Y-%m-%d', gmtime);
	$before =~ s/(\Q$title\E\n.*?measured on )\d{4}-\d\d-\d\d/$1$day/s;
	my %kept = (%last, %now);
	open(my $out, '>', $document) or die "$document: $!\n";
	print $out $before, (map { "| $_ | $kept{$_}{better} | $kept{$_}{value} |\n" } @names), $after;
	close($out) or die "$document: $!\n";
	print "\n$document has the new figures\n";
}
