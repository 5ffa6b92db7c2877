# Reads the C++ files of the tree for the checks of the stage `floors`.
package CppSource;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(cpp_files cpp_read cpp_code cpp_line cpp_functions);

# cpp_files(FOLDER...): returns the names of the .cpp and .h files in these folders.
sub cpp_files { return grep { /\.(?:cpp|h)$/ && -f } split /\n/, `git ls-files --cached --others --exclude-standard @_`; }

sub cpp_read
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	my $text = <$in>;
	close $in;
	return $text;
}

# Returns the text with spaces in place of comments, string literals and directives. Each line keeps its number.
sub cpp_code
{
	my ($text) = @_;
	$text =~ s{(R"(\w*)\(.*?\)\g2"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'|//[^\n]*|/\*.*?\*/|^\s*\#(?:[^\n\\]|\\.)*)}{$1 =~ s/[^\n]/ /gr}gemsx;
	return $text;
}

# Returns the number of the line that contains the position $at of the text.
sub cpp_line { my ($text, $at) = @_; return 1 + (substr($text, 0, $at) =~ tr/\n//); }

# cpp_functions(CODE): returns the functions that the code defines, as [name, parameters, body, position]. The function
# finds only definitions that begin in the first column.
sub cpp_functions
{
	my ($code) = @_;
	my @functions;
	while ($code =~ /^(?:[\w:<>*&,\[\]" ]+[ *&])?([\w:~]+)(\((?:[^()]|(?2))*\))[\w\s:]*?(\{(?:[^{}]|(?3))*\})/gm)
	{
		push @functions, [ $1, $2, $3, $-[1] ] if $1 !~ /^(?:if|for|while|switch|namespace)$/;
	}
	return @functions;
}

1;
