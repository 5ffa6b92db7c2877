#!/usr/bin/perl
# Generator: makes a shell's completion. The script reads the output of --help from standard input. For an option whose value is
# a FILE, the shell offers files.
#
#   heartbeat-generator --help | completion.pl bash|zsh|fish > FILE

use strict;
use warnings;

my $program = 'heartbeat-generator';
my $shell   = shift // '';
my %print   = (bash => \&print_bash, zsh => \&print_zsh, fish => \&print_fish);
die "usage: $0 bash|zsh|fish\n" unless $print{$shell};

# The options of --help. `short` and `long` are the option's names, and `text` is the beginning of the option's description.
# `value` is the name of the option's value, '' for a switch. `optional` is true if a user can leave out the value, and
# `repeated` is true if a user can give the option several times.
my @options;
while (my $line = <STDIN>)
{
	if ($line =~ /^  (?:(-\w), )?(--[\w-]+)(?: (\[?)([A-Z][^\s\]]*)\]?)?(?:\s{2,}(.*))?$/)
	{
		push @options, { short => $1, long => $2, optional => ($3 // '') ne '', value => $4 // '', text => $5 // '' };
	}
	elsif (@options && $line =~ /^ {20,}(\S.*)$/)
	{
		$options[-1]{text} .= " $1";
	}
}
die "the output of --help has no option\n" unless @options;
for (@options)
{
	$_->{repeated} = $_->{text} =~ /may be repeated/;
	$_->{text} =~ s/ (?:\[(?:default|env): |\(not with ).*//;
	$_->{text} =~ s/(;|\. ).*//;
	$_->{text} =~ s/^\s+//;
}
$print{$shell}->();
close(STDOUT) or die "cannot write: $!\n";

sub names { return grep { defined } @{ $_[0] }{qw(short long)}; }

sub print_bash
{
	my @all   = map { names($_) } @options;
	my $files = join ' | ', map { names($_) } grep { $_->{value} eq 'FILE' } @options;
	my $other = join ' | ', map { names($_) } grep { $_->{value} ne '' && $_->{value} ne 'FILE' && !$_->{optional} } @options;
	print <<"BASH";
# bash completion for $program, made from its --help

_heartbeat_generator() {
    local word=\${COMP_WORDS[COMP_CWORD]} option=\${COMP_WORDS[COMP_CWORD - 1]}
    # bash splits --option=value into three words
    if [[ \$word == = ]]; then
        word=''
    elif [[ \$option == = ]]; then
        option=\${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case \$option in
    $files)
        compopt -o filenames
        local IFS=\$'\\n'
        COMPREPLY=(\$(compgen -f -- "\$word"))
        ;;
    $other) ;;
    *)
        COMPREPLY=(\$(compgen -W "@all" -- "\$word"))
        ;;
    esac
} &&
    complete -F _heartbeat_generator $program
BASH
	return;
}

sub print_zsh
{
	print "#compdef $program\n# zsh completion for $program, made from its --help\n\n_arguments";
	for my $option (@options)
	{
		my @names = names($option);
		my $text     = quoted_zsh($option->{text});
		my $value    = quoted_zsh(lc $option->{value});
		my $action   = $option->{value} eq 'FILE' ? '_files' : ' ';
		for my $name (@names)
		{
			# with '*' zsh also offers an option that is already on the command line
			my $before = $option->{repeated} ? '*' : @names > 1 ? "(@names)" : '';
			my $equals = $option->{value} ne '' && $name =~ /^--/ ? '=' : '';
			print " \\\n    '$before$name$equals\[$text]";
			print $option->{optional} ? '::' : ':', $value, ':', $action if $option->{value} ne '';
			print "'";
		}
	}
	print "\n";
	return;
}

sub quoted_zsh
{
	my ($text) = @_;
	$text =~ s/([\[\]:\\])/\\$1/g;
	$text =~ s/'/'\\''/g;
	return $text;
}

sub print_fish
{
	print "# fish completion for $program, made from its --help\n\ncomplete -c $program -f\n";
	for my $option (@options)
	{
		my $text = $option->{text};
		$text =~ s/([\\'])/\\$1/g;
		print "complete -c $program";
		print " -s ", substr($option->{short}, 1) if defined $option->{short};
		print " -l ", substr($option->{long}, 2);
		print " -r" if $option->{value} ne '' && !$option->{optional};
		print " -F" if $option->{value} eq 'FILE';
		print " -d '$text'\n";
	}
	return;
}
