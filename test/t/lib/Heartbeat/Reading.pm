# Test code: single readings, and long streams with a known result. Nothing is random: if the caller gives the start time of a
# stream, the same call makes the same readings.

package Heartbeat::Reading;

use strict;
use warnings;

use Exporter qw(import);
use POSIX qw(strftime);

our @EXPORT    = qw(reading reading_time reading_stream);
our @EXPORT_OK = qw(reading_line);

# Returns a reading as JSON. The text has the heart rate exactly as given.
sub reading
{
	my ($customer, $heart_rate, $time) = @_;
	return qq({"customer_id":"$customer","heart_rate":$heart_rate,"event_timestamp":"$time"});
}

# Returns a time as RFC 3339 text. The time is $seconds after the beginning of 1970, plus $microseconds.
sub reading_time
{
	my ($seconds, $microseconds) = @_;
	return strftime('%Y-%m-%dT%H:%M:%S', gmtime $seconds) . sprintf('.%06dZ', $microseconds // 0);
}

# Returns the reading of a message as "customer rate time".
sub reading_line
{
	my ($message) = @_;
	my ($customer, $rate, $time) =
	  $message->{value} =~ /^\{"customer_id":"([^"]*)","heart_rate":([^,]*),"event_timestamp":"([^"]*)"\}$/
	  or die "not a reading: $message->{value}";
	return "$customer $rate $time";
}

# Returns $count messages from 100 customers, spread over the partitions. The event times begin at $start (default: an hour
# ago), and are a millisecond apart. Of each hundred readings 97 are normal, and each anomaly class has one reading. With first
# => n the messages continue a stream of n messages.
sub reading_stream
{
	my ($count, $partitions, %opt) = @_;
	my $start = $opt{start} // time - 3600;
	my @messages;
	for my $i (($opt{first} // 0) .. ($opt{first} // 0) + $count - 1)
	{
		my $nth      = $i % 100;
		my $rate     = $nth == 97 ? 39.5 : $nth == 98 ? 200 : $nth == 99 ? -1 : 40 + $i % 141;
		my $customer = sprintf 'CUST-%04d', int($i / 7) % 100;
		push @messages,
		  {
			partition => $i % $partitions,
			key       => $customer,
			value     => reading($customer, $rate, reading_time($start + int($i / 1000), $i % 1000 * 1000)),
		  };
	}
	return @messages;
}

1;
