# Compares the figures of a run of bench/all with the figures in the table of docs/performance.md. Prints a table with the last
# and the new figures. With --keep, the program also writes the new figures into the document. A figure without a new value keeps
# its last value.
#
#   perl bench/all.pl FIGURES DOCUMENT [--keep]
#
# Each line of the file FIGURES has the name of a figure, its value, and the word `higher` or `lower`. The word says whether a
# higher or a lower value is better.

use strict;
use warnings;

use POSIX qw(strftime);

my ($figures_file, $document, $keep) = @ARGV;
my $title     = '## All benchmarks';
my $head      = "| figure | better | value |\n|---|---|---|\n";
my $tolerance = 0.2;    # the figures of two small runs can differ by this share

sub read_file { my ($path) = @_; open(my $in, '<', $path) or die "$path: $!\n"; local $/ = undef; return scalar(<$in>) // ''; }

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

my (%now, @new_names);
for my $line (split /\n/, read_file($figures_file))
{
	my ($name, $value, $better) = split /\t/, $line;
	push @new_names, $name;
	$now{$name} = { better => $better, value => $value };
}
push @names, grep { !$last{$_} } @new_names;

# Returns the new value divided by the last value, and the word `worse` if the new value is worse by more than the tolerance.
sub change_of
{
	my ($last, $now) = @_;
	return '' unless $last && $now;
	my $lower = $now->{better} eq 'lower';
	return $lower && $now->{value} > 0 ? 'worse' : '' if $last->{value} == 0;
	my $ratio = $now->{value} / $last->{value};
	return sprintf '%.2f%s', $ratio, ($lower ? $ratio > 1 + $tolerance : $ratio < 1 - $tolerance) ? ' worse' : '';
}

printf "%-95s %-7s %10s %10s %12s\n", 'figure', 'better', 'last', 'now', 'now / last';
for my $name (@names)
{
	my ($last, $now) = ($last{$name}, $now{$name});
	printf "%-95s %-7s %10s %10s %12s\n", $name, ($now // $last)->{better}, $last ? $last->{value} : '-', $now ? $now->{value} : '-',
	  change_of($last, $now);
}

if ($keep)
{
	my $day = strftime('%Y-%m-%d', gmtime);
	$before =~ s/(\Q$title\E\n.*?measured on )\d{4}-\d\d-\d\d/$1$day/s or die "$document: no day of the measurement below \"$title\"\n";
	open(my $out, '>', $document) or die "$document: $!\n";
	my %kept = (%last, %now);    # a benchmark that has failed before its end has no new figure
	print $out $before, (map { "| $_ | $kept{$_}{better} | $kept{$_}{value} |\n" } @names), $after;
	close($out) or die "$document: $!\n";
	print "\n$document has the new figures\n";
}
