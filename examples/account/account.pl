#!/usr/bin/env perl
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Mco;

sub accounts {
    open(my $file, "<:encoding(UTF-8)", "/etc/passwd") or die "cannot read /etc/passwd: $!\n";
    my @all;
    while (my $line = <$file>) {
        chomp $line;
        my ($name, undef, $uid, $gid, undef, $home, $shell) = split /:/, $line, -1;
        push @all, { name => $name, uid => $uid + 0, gid => $gid + 0, home => $home, shell => $shell } if defined $shell;
    }
    return @all;
}

Mco::serve(
    show => sub {
        my ($req) = @_;
        my ($account) = grep { $_->{name} eq $req->{data}{user} } accounts();
        Mco::fail("no account $req->{data}{user}") unless $account;
        delete $account->{name};
        return $account;
    },
    list => sub {
        my ($req) = @_;
        my ($from, $to) = @{ $req->{data} }{qw(min_uid max_uid)};
        my @names = map { $_->{name} } grep { $_->{uid} >= $from && $_->{uid} <= $to } accounts();
        return { count => scalar(@names), accounts => \@names };
    },
);
