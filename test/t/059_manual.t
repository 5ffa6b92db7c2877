# Tests the generator's manual page and its completions for bash, zsh and fish. The page and the completions contain every
# option of --help. The page is well formed, and real shells complete the typed words.

use strict;
use warnings;

use Cwd;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $deadline_seconds = 10;

my $folder = "$ENV{TESTDIR}/build/generator";
my $help   = run_quiet("$folder/heartbeat-generator", '--help');
my @short  = $help =~ /^  (-\w), --/gm;
my @long   = $help =~ /^  (?:-\w, )?(--[\w-]+)/gm;
cmp_ok(scalar @long, '>=', 19, '--help lists at least 19 options');
my $page = slurp_file("$folder/heartbeat-generator.1");
(my $plain = $page) =~ s/\\(-|f[BIR])/$1 eq '-' ? '-' : ''/ge;

# The manual page
for my $option (@short, @long)
{
	like($plain, qr/^\.TP\n(?:-\w, )?\Q$option\E\b/m, "the manual page describes $option");
}
like($page, qr/^\.SH "?\Q$_\E"?$/m, "the manual page has the section $_") for ('NAME', 'SYNOPSIS', 'OPTIONS', 'ENVIRONMENT', 'EXIT STATUS', 'EXAMPLES');
my ($version) = run_quiet("$folder/heartbeat-generator", '--version') =~ /^(heartbeat-generator .*)$/m;
like($page, qr/^\.TH HEARTBEAT-GENERATOR "1" "\d{4}-\d\d-\d\d" "\Q$version\E"/m, "the title of the manual page has the version $version");
is(run_quiet('mandoc', '-T', 'lint', '-W', 'warning', "$folder/heartbeat-generator.1"), '', 'mandoc finds no fault in the manual page');
like(run_quiet('man', '--warnings', '-l', "$folder/heartbeat-generator.1"),
	qr/\A\s*HEARTBEAT-GENERATOR\(1\)/, 'man shows the manual page without a warning');

# The words that the test types, and the expected completions. The shells run in a folder that contains only the file below, so
# that they can complete the name of this file.
my $work = PostgreSQL::Test::Utils::tempdir('manual');
append_to_file("$work/readings of today.jsonl", "\n");
my %typed = (
	'--cus'             => '--customers',
	'--anom'            => '--anomaly-rate',
	'--replay readi'    => '--replay readings\\ of\\ today.jsonl',
	'--config-file=rea' => '--config-file=readings\\ of\\ today.jsonl',
	'--quiet --dry'     => '--quiet --dry-run');
my %shells = (
	bash => {
		start => [ 'bash', '--norc', '--noprofile', '-i' ],
		load  => "PS1='> '; bind 'set enable-bracketed-paste off'; . '$folder/heartbeat-generator.bash'",
	},
	zsh => {
		start => [ 'zsh', '-f', '-i' ],
		load  => "PS1='> '; unsetopt zle_bracketed_paste; fpath=('$folder' \$fpath); autoload -Uz compinit; compinit -u -D",
	});
for my $name (sort keys %shells)
{
	my ($shell, $input, $output) = ($shells{$name}, '', '');
	local $ENV{TERM} = 'dumb';
	my $here    = getcwd();
	my $timeout = IPC::Run::timer($deadline_seconds);
	chdir $work or die "$work: $!";
	my $run = IPC::Run::start($shell->{start}, '<pty<', \$input, '>pty>', \$output, $timeout);
	chdir $here or die "$here: $!";
	my $await = sub {
		my ($pattern) = @_;
		$timeout->start($deadline_seconds);
		$run->pump until $output =~ $pattern || $timeout->is_expired;
	};
	$input = "$shell->{load}; echo rea''dy\n";
	$await->(qr/^ready/m);
	for my $line (sort keys %typed)
	{
		($output, my $word) = ('', $typed{$line});
		$input = "heartbeat-generator $line\t";
		$await->(qr/\Qheartbeat-generator $word\E/);
		like($output, qr/\Qheartbeat-generator $word\E/, "$name completes $line");
		$output = '';
		$input  = "\cUecho do''ne\n";
		$await->(qr/^done/m);
	}
	$input = "exit\n";
	$run->finish;
}
for my $line (sort keys %typed)
{
	my ($last)   = $line        =~ /(\S+)$/;
	my ($wanted) = $typed{$line} =~ /^(?:--replay |--quiet )?(.*)$/;
	$wanted =~ s/\\//g;
	like(
		run_quiet('fish', '--no-config', '-c', "cd '$work'; source '$folder/heartbeat-generator.fish'; complete -C 'heartbeat-generator $line'"),
		qr/^\Q$wanted\E(\t|$)/m, "fish completes $line");
}

# The completions offer each option of --help.
my $offered = run_quiet('bash', '-c', ". '$folder/heartbeat-generator.bash'
	COMP_WORDS=(heartbeat-generator '') COMP_CWORD=1; _heartbeat_generator; printf '%s\\n' \"\${COMPREPLY[@]}\"");
is_deeply([ sort split /\n/, $offered ], [ sort @short, @long ], 'bash offers every option');
my $zsh = slurp_file("$folder/_heartbeat-generator");
is_deeply([ sort $zsh =~ /^    '(?:\*|\([^)]*\))?(-[\w-]+)/gm ], [ sort @short, @long ], 'zsh offers every option');
my $fish = run_quiet('fish', '--no-config', '-c', "source '$folder/heartbeat-generator.fish'; complete -C 'heartbeat-generator --'");
is_deeply([ sort $fish =~ /^(--[\w-]+)/gm ], [ sort @long ], 'fish offers every option');

# Returns the output of a command, including its errors.
sub run_quiet
{
	my @command = @_;
	my $output;
	IPC::Run::run(\@command, '<', '/dev/null', '>&', \$output);
	return $output;
}

done_testing();
