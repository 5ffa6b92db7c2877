# The generator publishes messages of each preset to a real Kafka, and the test reads these messages. Each message is JSON in
# the vendor's layout. Each reading has a time in the expected range, and no two readings have the same customer, device and
# time. The extension reads the messages with its own preset of the same name, and stores exactly these readings. The examples
# in docs/generator.md work as shown.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use B ();
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Text::ParseWords qw(shellwords);
use Time::HiRes qw(time usleep);
use Time::Local qw(timegm);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $top       = "$FindBin::RealBin/../..";
my $generator = "$top/build/generator/heartbeat-generator";
my $work      = PostgreSQL::Test::Utils::tempdir('presets');
my $kafka     = Heartbeat::Kafka->new('presets');
$kafka->start;

# For each layout, a function that returns the readings of a message as { customer, device, time, rate }. The function dies if
# the message does not have this layout, for example if a member has a wrong name, or is a text instead of a number.

sub number
{
	my ($value) = @_;
	my $flags = B::svref_2object(\$value)->FLAGS;
	$flags & (B::SVf_IOK | B::SVf_NOK) && !($flags & B::SVf_POK) or die "not a JSON number: $value";
	return $value;
}

sub names
{
	my ($object, @names) = @_;
	my $found = join ' ', sort keys %$object;
	$found eq join ' ', sort @names or die "unknown members: $found";
	return @$object{@names};
}

sub only { my ($array) = @_; @$array == 1 or die 'more or fewer than one element'; return $array->[0]; }

sub same { my ($got, $wanted) = @_; $got eq $wanted or die "$got is not $wanted"; return; }

sub uuid { my ($text) = @_; $text =~ /\A[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\z/ or die "not a UUID: $text"; return; }

sub without { my ($text, $prefix) = @_; $text =~ /\A\Q$prefix\E(.+)\z/ or die "$text does not begin with $prefix"; return $1; }

# Returns the microseconds since 1970 of a time or a date in UTC.
sub moment
{
	my ($text) = @_;
	my ($year, $month, $day, $hour, $minute, $second, $fraction) =
	  $text =~ /\A(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)\.(\d{6})Z)?\z/ or die "not a time: $text";
	return timegm($second // 0, $minute // 0, $hour // 0, $day, $month - 1, $year) * 1_000_000 + ($fraction // 0);
}

my %reader = (
	'heartbeat' => sub {
		my ($value) = @_;
		my ($customer, $rate, $time) = names($value, qw(customer_id heart_rate event_timestamp));
		return { customer => $customer, time => moment($time), rate => number($rate) };
	},
	'fhir-observation' => sub {
		my ($value) = @_;
		my ($type, $id, $meta, $status, $category, $code, $subject, $time, $quantity, $device) =
		  names($value, qw(resourceType id meta status category code subject effectiveDateTime valueQuantity device));
		uuid($id);
		same($type,   'Observation');
		same($status, 'final');
		same(only($meta->{profile}), 'http://hl7.org/fhir/StructureDefinition/heartrate');
		same(only(only($category)->{coding})->{code}, 'vital-signs');
		my ($system, $loinc) = names(only($code->{coding}), qw(system code display));
		same("$system $loinc", 'http://loinc.org 8867-4');
		my ($rate, $unit, $units, $ucum) = names($quantity, qw(value unit system code));
		same("$units $ucum", 'http://unitsofmeasure.org /min');
		return {
			customer => without(names($subject, 'reference'), 'Patient/'),
			device   => without(names($device,  'reference'), 'Device/'),
			time     => moment($time),
			rate     => number($rate) };
	},
	'open-mhealth' => sub {
		my ($value) = @_;
		my ($header, $body) = names($value, qw(header body));
		my ($id, $created, $schema, $source, $customer) =
		  names($header, qw(id creation_date_time schema_id acquisition_provenance user_id));
		uuid($id);
		same(join(':', (names($schema, qw(namespace name version)))[ 0, 1 ]), 'omh:heart-rate');
		my ($heart_rate, $frame) = names($body, qw(heart_rate effective_time_frame));
		my ($rate, $unit) = names($heart_rate, qw(value unit));
		same($unit, 'beats/min');
		my $time = names($frame, 'date_time');
		same($time, $created);
		return { customer => $customer, device => $source->{source_name}, time => moment($time), rate => number($rate) };
	},
	'health-connect' => sub {
		my ($value, $key) = @_;
		my ($metadata, $start, $start_zone, $end, $end_zone, $samples) =
		  names($value, qw(metadata startTime startZoneOffset endTime endZoneOffset samples));
		uuid($metadata->{id});
		number($metadata->{device}{type});
		same($start, $samples->[0]{time});
		same($end,   $samples->[-1]{time});
		return map {
			my ($time, $rate) = names($_, qw(time beatsPerMinute));
			+{ customer => $key, device => $metadata->{device}{model}, time => moment($time), rate => number($rate) };
		} @$samples;
	},
	'garmin-push' => sub {
		my ($value) = @_;
		my ($customer, $id, $date, $start, $zone, $duration, $samples) = names(only(names($value, 'dailies')),
			qw(userId summaryId calendarDate startTimeInSeconds startTimeOffsetInSeconds durationInSeconds timeOffsetHeartRateSamples));
		uuid($id);
		my $day = number($start) - moment($date) / 1e6;
		$day >= 0 && $day < 86400 or die "$start is not on $date";
		exists $samples->{0} && exists $samples->{ number($duration) } or die "no reading at 0 and $duration";
		return map {
			+{ customer => $customer, time => ($start + $_) * 1_000_000, rate => number($samples->{$_}) };
		} keys %$samples;
	},
	'fitbit-intraday' => sub {
		my ($value, $key) = @_;
		my ($days,    $intraday)       = names($value, qw(activities-heart activities-heart-intraday));
		my ($dataset, $step,     $unit) = names($intraday, qw(dataset datasetInterval datasetType));
		same("$step $unit", '1 second');
		my ($date) = names(only($days), qw(dateTime value));
		return map {
			my ($time, $rate) = names($_, qw(time value));
			+{ customer => $key, time => moment("${date}T$time.000000Z"), rate => number($rate) };
		} @$dataset;
	});
my %has_device  = map { $_ => 1 } qw(fhir-observation open-mhealth health-connect);
my %has_samples = map { $_ => 1 } qw(health-connect garmin-push fitbit-intraday);

# Publishes to a new topic, and returns all messages of the topic.
my $topics = 0;

sub published
{
	my (@options) = @_;
	my $topic = 'presets-' . ++$topics;
	my $output;
	IPC::Run::run([ $generator, '-b', $kafka->brokers, '--topic', $topic, '--quiet', @options ], '<', \undef, '>&', \$output)
	  or die "@options: $output";
	my ($reader, @messages) = $kafka->reader($topic);
	while (my $message = $reader->next) { push @messages, $message; }
	return @messages;
}

# Checks the layout, the key and the timestamp of each message, and returns the readings.
sub readings_of
{
	my ($preset, @messages) = @_;
	my (@readings, %customers, $faults);
	for my $message (@messages)
	{
		my @found = eval { $reader{$preset}->(JSON::PP->new->utf8->decode($message->{value}), $message->{key}) };
		my $fault = $@;
		my ($newest) = sort { $b <=> $a } map { $_->{time} } @found;
		$fault ||= "the key is $message->{key}" if grep { $_->{customer} ne $message->{key} } @found;
		$fault ||= "the timestamp is $message->{timestamp}, not of the newest reading"
		  if $message->{timestamp} != int($newest / 1000);
		diag("$preset: $fault: $message->{value}") if $fault && !$faults++;
		push @readings, @found;
	}
	is($faults // 0, 0, "$preset: each message has the vendor's layout, its customer as key, and the newest reading's timestamp");
	return @readings;
}

sub distinct
{
	my %identities = map { join(' ', $_->{customer}, $_->{device} // '', $_->{time}) => 1 } @_;
	return scalar keys %identities;
}

my ($legal) = output_of(qw(--preset x)) =~ /The presets are (.*)/;
$legal =~ s/,? (?:and )?radar\S*//g;    # the presets of RADAR-base publish Avro, and test/formats tests them
is($legal =~ s/,| and//gr, join(' ', sort keys %reader), 'the test has a reader for each preset');
my %sent;    # for each preset: the topic, and the readings with simulated times
for my $preset (sort keys %reader)
{
	my $samples = $has_samples{$preset} ? 60 : 1;
	# do not begin around midnight, because a message of `fitbit-intraday` has only readings of one day
	usleep(500_000) while (time + 5) % 86400 < 66;
	my $began   = time;
	my @all     = readings_of($preset, published('--preset', $preset, qw(--customers 10000 --count 200)));
	my $ended   = time;
	is(scalar @all, 200 * $samples, "$preset: Kafka has all readings");
	is(distinct(@all), 200 * $samples, "$preset: each reading has another identity");
	# if the times of a layout are whole seconds, the samples of a message are one second apart, so the oldest sample is
	# $samples seconds old
	is(scalar(grep { $_->{time} < ($began - $samples - 1) * 1e6 || $_->{time} > $ended * 1e6 } @all), 0, "$preset: the times are in the last minute");

	# Publishes readings with simulated times as fast as possible. If the layout has places for devices or for several samples,
	# the test sets the number of devices or samples.
	$samples = $has_samples{$preset} ? 7 : 1;
	my $devices  = $has_device{$preset} ? 2 : 1;
	my $interval = $preset =~ /garmin|fitbit/ ? 1 : 0.5;
	# each preset has a different day, so no two presets publish the same reading
	my $start    = (int(time / 86400) - keys %sent) * 86400 - 7200;
	my @options  = (qw(--customers 3 --interval 0 --seed 5 --start-time), reading_time($start, 0));
	my @places   = (($has_device{$preset} ? qw(--devices 2) : ()), ($has_samples{$preset} ? qw(--samples 7) : ()));
	my $rounds   = 40;
	my $count    = 3 * $devices * $rounds;
	my @same     = readings_of($preset, published('--preset', $preset, '--count', $count, @options, @places));
	$sent{$preset} = { topic => "presets-$topics", readings => \@same };
	my $end      = $start + ($rounds + 1) * $samples * $interval;
	is(scalar(grep { $_->{time} < $start * 1e6 || $_->{time} >= ($end + 1) * 1e6 } @same), 0, "$preset: the simulated times are in the range of the options");
	is_deeply([ scalar @same, distinct(@same) ], [ ($count * $samples) x 2 ], "$preset: each reading of simulated time has another identity");
	my %by_device;
	push @{ $by_device{"$_->{customer} " . ($_->{device} // '')} }, $_->{time} for @same;
	is(scalar keys %by_device, 3 * $devices, "$preset: each device has readings");
	my @own = split /\n/, output_of('--dry-run', '--count', scalar @same, @options);
	is_deeply([ sort map { $_->{rate} } @same ], [ sort map { /"heart_rate":(-?\d+)/ } @own ], "$preset: the heart rates are those of the own layout with the same seed");
}

# The generator and the extension have presets with the same names. The extension reads each topic with its own preset.
my $node = Heartbeat::Cluster->create('presets', kafka => $kafka);
$node->query("SELECT heartbeat_add_source('$_', '$sent{$_}{topic}', preset => '$_')") for sort keys %sent;
my @expected;
for my $preset (sort keys %sent)
{
	$node->wait_for_offsets($sent{$preset}{topic}, $kafka->end_offsets($sent{$preset}{topic}));
	my $maker = $preset eq 'health-connect' ? 'Example/' : '';    # the preset joins the maker and the model of the device
	push @expected, map { join ' ', $_->{customer}, defined $_->{device} ? "$maker$_->{device}" : '', $_->{time}, $_->{rate} } @{ $sent{$preset}{readings} };
}
my @stored = split /\n/, $node->query(
	q{SELECT concat_ws(' ', customer_id, device_id, (1000000 * extract(epoch FROM event_timestamp))::bigint, heart_rate) FROM
		(SELECT customer_id, device_id, event_timestamp, heart_rate FROM heartbeat_records UNION ALL
		 SELECT customer_id, device_id, event_timestamp, heart_rate FROM heartbeat_anomalies) r});
is_deeply([ sort @stored ], [ sort @expected ], 'the extension stores exactly the readings of all presets, with customer, device, time and heart rate');
is($node->query('SELECT count(*) FROM heartbeat_dead_letters'), 0, 'no message of a preset is a dead letter');
$node->assert_audit;

# Returns the output of the generator, with its errors. After the call, $? is the exit status of the generator.
sub output_of
{
	my (@options) = @_;
	my $output;
	IPC::Run::run([ $generator, '--quiet', @options ], '<', '/dev/null', '>&', \$output, init => sub { chdir $work or die "$work: $!" });
	return $output;
}

# Tests a template with headers, and with a key that is JSON.
append_to_file("$work/all.json", <<'TEMPLATE');
{"value": {"n": "${message_number}", "t": "${time:YYYYMMDDHHMMSS}"}, "key": {"user": "${customer_number}", "source": "${device_id}"},
 "headers": {"unit": "bpm", "rate": "${heart_rate}", "empty": ""}}
TEMPLATE
is(output_of('-b', $kafka->brokers, qw(--topic headers --template all.json --count 1 --seed 1 --start-time), reading_time(time - 60, 0)), '', 'the generator publishes the template of a file');
like(
	$kafka->tool('consume', qw(--topic headers --from-beginning --max-messages 1 --timeout-ms 30000 --property print.headers=true --property print.key=true)),
	qr/^unit:bpm,rate:67,empty:\t\{"user":1,"source":"DEV-0001-1"\}\t\{"n":1,"t":"\d{14}"\}$/m,
	'the message has the key and the headers of the template');

# Tests the examples of docs/generator.md.
my $document  = slurp_file("$top/docs/generator.md");
my @blocks    = $document =~ /((?:^ {4}.*\n)+)/mg;
my @templates = grep { /^\s*\{.*"value":/s } @blocks;
my $shape     = sub { my ($text) = @_; $text =~ s/\s//g; $text =~ s/\d+/1/g; return $text; };
is(scalar @templates, 3, 'docs/generator.md has three templates');
for my $template (@templates)
{
	unlink "$work/layout.json";
	append_to_file("$work/layout.json", $template);
	my ($message) = $document =~ /\Q$template\E.*?^ {4}(\{[^\n]*\n)/ms;
	is($shape->(output_of(qw(--template layout.json --dry-run --count 1 --anomaly-rate 0))), $shape->($message), 'a template of docs/generator.md writes the message that the document shows');
}
my @commands = map { /^ {4}heartbeat-generator (.*?)(?: {2,}#.*)?$/mg } @blocks;
cmp_ok(scalar @commands, '>', 4, 'docs/generator.md has more than 4 commands');
for my $command (@commands)
{
	next if $command =~ /--schema(?:-registry)? /;    # test/formats tests such commands with a registry and schemas
	my @limits = $command =~ /--print-template/ ? () : ($command =~ /--dry-run/ ? () : '--dry-run', $command =~ /--count/ ? () : qw(--count 2));
	my $output = output_of(shellwords($command), @limits);
	is($?, 0, "heartbeat-generator $command");
	like($output, $command =~ /--format/ ? qr/\A\S.*\n\z/s : qr/\A\{.*\}\n\z/s, 'the command prints JSON, bytes or a schema');
}

# If an option or a template is wrong, the generator ends before it connects. docs/generator.md shows the errors.
my @nowhere = ('-b', '127.0.0.1:1', '--count', 1);
append_to_file("$work/line.json", qq({\n  "value": {\n    "n": 1\n    "at": 2\n  }\n}\n));
append_to_file("$work/place.json", '{"value": {"at": "${time:sec}"}}');
my @mistakes = (
	[ '--template line.json',                  qr/^--template line\.json: line 4, column \d+: '\}' expected near '"at"'$/ ],
	[ '--template place.json',                 qr/^--template place\.json: at \/value\/at: "sec" is not a time format: .*Legal formats are iso/ ],
	[ '--template missing.json',               qr/^--template missing\.json: No such file or directory$/ ],
	[ '--preset garmin',                       qr/The presets are fhir-observation, fitbit-intraday, garmin-push, health-connect, heartbeat, open-mhealth, radar, radar-garmin and radar-polar/ ],
	[ '--preset garmin-push --devices 2',      qr/^--devices 2: the layout has no place for a device/ ],
	[ '--preset fhir-observation --samples 2', qr/^--samples 2: a message of this layout has one reading/ ],
	[ '--devices 2',                           qr/^--devices 2: / ],
	[ '--preset garmin-push --rate 1000',      qr/^--rate 1000: this layout writes times in steps of 1 s/ ],
	[ '--preset garmin-push --replay x',       qr/excludes/ ],
	[ '--preset heartbeat --template x',       qr/excludes/ ]);
for my $mistake (@mistakes)
{
	my ($options, $wanted) = @$mistake;
	my $began = time;
	my $output  = output_of(@nowhere, split / /, $options);
	is($? >> 8, 2, "$options: exit status 2");
	like($output, $wanted, "$options: the error has the reason");
	cmp_ok(time - $began, '<', 10, "$options: the generator ends without a connection");
}

$node->assert_no_crash;
$kafka->stop;
done_testing();
