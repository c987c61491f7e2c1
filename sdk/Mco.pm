package Mco;

# Helper for agents in Perl: put it beside the agent. Perl 5.14 or later, which
# has JSON::PP.
#
#   use FindBin;
#   use lib $FindBin::Bin;
#   use Mco;
#
#   Mco::serve(
#       hello => sub {
#           my ($req) = @_;
#           Mco::fail("no name", Mco::MISSING_DATA) unless defined $req->{data}{name};
#           Mco::log("greeting", "debug");
#           return { message => "hello $req->{data}{name}" };
#       },
#   );
#
# It serves one call, or with "mode: worker" in the descriptor one after the
# other. What the agent prints goes to the log, and cannot spoil the answer.
use strict;
use warnings;
use JSON::PP ();

use constant { OK => 0, FAILED => 1, UNKNOWN_ACTION => 2, MISSING_DATA => 3, INVALID_DATA => 4, OTHER => 5 };

my $json = JSON::PP->new->utf8->canonical;

# Ends an action with a status, by default 1.
sub fail {
    my ($message, $status, $data) = @_;
    die bless { message => $message, status => $status || FAILED, data => $data || {} }, "Mco::Failure";
}

# Writes a line to the log of the node: error, warn, info or debug.
sub log {
    my ($text, $level) = @_;
    my $prefix = uc(substr($level || "info", 0, 1));
    print STDERR "$prefix! $_\n" for split /\n/, $text;
}

sub _call {
    my ($handlers, $req) = @_;
    my $action = $req->{action} // "";
    $req->{data} ||= {};
    my $handler = $handlers->{$action} or return (UNKNOWN_ACTION, "unknown action $action", {});
    my $data = eval { $handler->($req) };
    if (my $error = $@) {
        return ($error->{status}, $error->{message}, $error->{data}) if ref $error && ref $error eq "Mco::Failure";
        chomp($error = "$error");
        Mco::log($error, "error");
        return (OTHER, $error, {});    # the caller is to hear of every failure
    }
    return (OK, "OK", ref $data eq "HASH" ? $data : {});
}

# Answers calls with the functions, by the name of the action.
sub serve {
    my %handlers = @_;
    open(my $out, ">&", \*STDOUT) or die "cannot keep the output: $!";
    open(STDOUT, ">&", \*STDERR) or die "cannot redirect the output: $!";
    select((select($out), $| = 1)[0]);
    select((select(STDERR), $| = 1)[0]);
    my $say = sub { print $out $json->encode($_[0]), "\n" };
    if (defined $ENV{MCO_ACTION}) {
        my ($status, $text, $data) = _call(\%handlers, $json->decode(do { local $/; <STDIN> }));
        $say->({ %$data, mco => { statuscode => $status + 0, statusmsg => "$text" } });
        exit($status < OTHER ? $status : OTHER);
    }
    $say->({ type => "hello", protocol => 1, agent => $ENV{MCO_AGENT} // "" });
    while (defined(my $line = <STDIN>)) {
        my $message = $json->decode($line);
        my $type = $message->{type} // "";
        if ($type eq "ping") {
            $say->({ type => "pong" });
        } elsif ($type eq "request") {
            my ($status, $text, $data) = _call(\%handlers, $message);
            $say->({ type => "reply", id => $message->{id}, statuscode => $status + 0, statusmsg => "$text", data => $data });
        }
    }
}

1;
