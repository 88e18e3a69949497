# Accepts connections on a port of the loopback interface, and carries their bytes over standard input and output.
#
# A frame is: kind (1 byte), connection (4 bytes), length (4 bytes, big endian), content. Kinds: "d" is data, "a" acknowledges the number
# of bytes in its length field and has no content, "e" ends one direction, "c" closes both. Frame "r" without content reports that the port
# is open. Each direction of a connection has at most WINDOW bytes that are not acknowledged, so that a slow one blocks no other.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my ($port, $window) = @ARGV;
my $piece = 32768;
# More wait in the listener's queue: the worker holds up to WINDOW bytes of each connection.
my $maxConnections = 64;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 128, ReuseAddr => 1)
  or die "cannot listen on port $port: $!\n";
$SIG{PIPE} = 'IGNORE';
my ($next, %of, %socket, %unsent, %open, %ended, %readEnded) = (1);
my $input = '';

sub send_frame {
  my ($kind, $id, $length, $content) = @_;
  my $bytes = pack('a1NN', $kind, $id, $length) . $content;
  while (length $bytes) {
    my $sent = syswrite(STDOUT, $bytes);
    if (!defined $sent) { next if $! == EINTR; exit 0 }
    substr($bytes, 0, $sent, '');
  }
}

sub drop {
  my ($id) = @_;
  my $socket = delete $socket{$id} or return;
  delete $of{fileno $socket};
  close $socket;
  delete $_->{$id} for (\%unsent, \%open, \%ended, \%readEnded);
}

sub drop_when_ended {
  my ($id) = @_;
  drop($id) if $ended{$id} && $readEnded{$id} && $unsent{$id} eq '';
}

sub accept_connection {
  my $socket = $listener->accept or return;
  $socket->blocking(0);
  # A response has several small pieces, which must not wait for acknowledgements of the previous ones.
  setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) or die "cannot set TCP_NODELAY: $!\n";
  my $id = $next++;
  @of{fileno $socket} = ($id);
  ($socket{$id}, $unsent{$id}, $open{$id}) = ($socket, '', $window);
  send_frame('o', $id, 0, '');
}

sub read_connection {
  my ($id) = @_;
  my $size = $open{$id} < $piece ? $open{$id} : $piece;
  my $read = sysread($socket{$id}, my $bytes, $size);
  return if !defined $read && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
  if (!defined $read) { send_frame('c', $id, 0, ''); drop($id); return }
  if ($read == 0) { $readEnded{$id} = 1; send_frame('e', $id, 0, ''); drop_when_ended($id); return }
  $open{$id} -= $read;
  send_frame('d', $id, $read, $bytes);
}

sub write_connection {
  my ($id) = @_;
  my $sent = syswrite($socket{$id}, $unsent{$id}, $piece);
  return if !defined $sent && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
  if (!defined $sent) { send_frame('c', $id, 0, ''); drop($id); return }
  substr($unsent{$id}, 0, $sent, '');
  send_frame('a', $id, $sent, '');
  finish_writing($id);
}

sub finish_writing {
  my ($id) = @_;
  return unless $ended{$id} && $unsent{$id} eq '';
  shutdown($socket{$id}, 1);
  drop_when_ended($id);
}

sub read_frames {
  my $read = sysread(STDIN, $input, 65536, length $input);
  return if !defined $read && $! == EINTR;
  exit 0 unless $read;
  while (length $input >= 9) {
    my ($kind, $id, $length) = unpack('a1NN', $input);
    my $size = $kind eq 'd' ? $length : 0;
    last if length $input < 9 + $size;
    my $content = substr($input, 9, $size);
    substr($input, 0, 9 + $size, '');
    next unless $socket{$id};
    if ($kind eq 'd') { $unsent{$id} .= $content }
    elsif ($kind eq 'a') { $open{$id} += $length }
    elsif ($kind eq 'e') { $ended{$id} = 1; finish_writing($id) }
    elsif ($kind eq 'c') { drop($id) }
  }
}

send_frame('r', 0, 0, '');
while (1) {
  my @listeners = keys %socket < $maxConnections ? ($listener) : ();
  my $readable = IO::Select->new(\*STDIN, @listeners, map { $socket{$_} } grep { $open{$_} > 0 && !$readEnded{$_} } keys %socket);
  my $writable = IO::Select->new(map { $socket{$_} } grep { $unsent{$_} ne '' } keys %socket);
  my ($read, $write) = IO::Select->select($readable, $writable, undef);
  for my $handle (@{ $write // [] }) {
    my $id = $of{fileno($handle) // -1};
    write_connection($id) if defined $id;
  }
  for my $handle (@{ $read // [] }) {
    if ($handle == \*STDIN) { read_frames() }
    elsif ($handle == $listener) { accept_connection() }
    else {
      my $id = $of{fileno($handle) // -1};
      read_connection($id) if defined $id;
    }
  }
}
