# Measures how much the steps of one build write to the engine's disk. Prints "full" when that is more than the build may write, "slow" when
# the steps left too much to count, "blind REASON" when it cannot be measured for another reason, and other lines while it can.
#
# It runs in the process namespace of the engine's host. BuildKit has a folder for each step that runs, with the configuration of the step's
# container, which names the step's file of host names: the name of the build's scope is in it. The engine's mounts say which folder of
# the disk receives what the step writes. That folder outlives the step, as its result, and is counted until the build ends. With overlay it
# contains only what the step writes; with btrfs also what was there before, so only files that changed since the step's begin count.
use strict;
use warnings;

my ($root, $scope, $limitBytes, $countSeconds, $inodeBytes) = @ARGV;
my $executor = "$root/buildkit/executor";
my ($pollSeconds, $aliveSeconds, $openFilesSeconds, $filesPerPoll) = (0.1, 10, 20, 5000);
# The mounts of a step exist once its folder is complete. A busy host shows them late.
my $unseenSeconds = 30;
# By step: when it was found, or 0 for one that needs no more looks. Its devices, by which its open files are recognized.
# By folder: the time, in seconds since 1970, since which files in it count; empty when all do.
my (%foundAt, %devices, %folders);
my ($host, $isLast, $aliveAt) = ('', 0, time);
$| = 1;
# Programs print errors about folders that are removed in the meantime.
open(STDERR, '>', '/dev/null');
$SIG{__DIE__} = sub { blind(@_) };
# The build has ended: measure once more.
$SIG{USR1} = sub { $isLast = 1 };

sub blind { print "blind @_\n"; exit 1 }
sub full { print "full\n"; exit 0 }
sub slow { print "slow\n"; exit 0 }

sub note_alive {
  return if time <= $aliveAt + $aliveSeconds;
  print "alive\n";
  $aliveAt = time;
}

sub content {
  my ($path) = @_;
  open(my $file, '<', $path) or return '';
  local $/;
  return <$file> // '';
}

# Processes outside of the host's namespace are users' code, whose files may imitate the engine's.
sub host_processes {
  my $own = readlink('/proc/self/ns/pid') // '';
  opendir(my $proc, '/proc') or return;
  my @ids = grep { /^\d+$/ && (readlink("/proc/$_/ns/pid") // '') eq $own } readdir $proc;
  my @named = grep { content("/proc/$_/comm") =~ /^dockerd/ } @ids;
  return (@named, 1, @ids);
}

# The prefix of paths as the engine's process sees them.
sub find_host {
  return if $host ne '' && -d "$host$executor";
  ($host) = grep { -d "$_$executor" } map { "/proc/$_/root" } host_processes();
  $host //= '';
}

# Returns the folder that receives what is written to this mount, and whether that has more.
sub upper_of {
  my ($mount) = @_;
  # For steps on many layers the engine mounts with paths relative to its folder of layers, because the kernel limits their length.
  return ("/$1", 0) if $mount =~ /[ ,]upperdir=\/([^, ]+)/;
  return ("$root/overlay2/$1", 0) if $mount =~ /[ ,]upperdir=([^, ]+)/;
  return ("$root/btrfs/subvolumes/$1", 1) if $mount =~ /\/btrfs\/subvolumes\/([^ \/]+) /;
  return;
}

# Returns the view of the process that has this step's mounts, the mount of the step's root, and all of them.
sub mounts_of {
  my ($step) = @_;
  for my $process (host_processes()) {
    my @mounts = split /\n/, content("/proc/$process/mountinfo");
    my ($rootfs) = grep { index($_, " $executor/$step/rootfs ") >= 0 && defined((upper_of($_))[0]) } @mounts;
    return ("/proc/$process/root", $rootfs, @mounts) if defined $rootfs;
  }
  return;
}

# Returns the folder that receives what is written to a mount of a step, of which the source may be a folder inside.
sub upper_of_source {
  my ($source, $options, @mounts) = @_;
  return $1 if $options =~ /"upperdir=([^"\\]+)"/;
  return "$1/diff" if $source =~ /^(\/.*?\/overlay2\/[^\/]+)\/(?:diff|merged)(?:\/|$)/;
  return $1 if $source =~ /^(\/.*?\/snapshots\/\d+\/fs)(?:\/|$)/ || $source =~ /^(\/.*?\/btrfs\/subvolumes\/[^\/]+)/;
  # The engine itself has mounted it before.
  my @around = grep { index("$source/", (split ' ')[4] . '/') == 0 } @mounts;
  my ($nearest) = sort { length((split ' ', $b)[4]) <=> length((split ' ', $a)[4]) } @around;
  return (upper_of($nearest))[0] if defined $nearest && $nearest =~ /[ ,]upperdir=/;
  return $source if index($source, "$root/") == 0 && -d "$host$source";
  return;
}

# Folders of writable mounts, such as caches, which the engine keeps where it keeps the results of steps.
sub writable_mounts {
  my ($config, @mounts) = @_;
  my @found;
  while ($config =~ /"source":"((?:[^"\\]|\\.)*)","options":\[([^\]]*)\]/g) {
    push @found, grep { defined } upper_of_source($1, $2, @mounts) unless $2 =~ /"ro"/;
  }
  return @found;
}

# Records the steps of this build that have begun, and the folders to which they write.
sub find_steps {
  find_host();
  opendir(my $folder, "$host$executor") or return;
  for my $step (grep { /^[0-9a-z]{20,}$/ && ($foundAt{$_} // 1) } readdir $folder) {
    $foundAt{$step} //= time;
    my $config = content("$host$executor/$step/config.json");
    next unless $config =~ /\}\s*\z/;
    my ($hosts) = $config =~ /"source":"\Q$executor\E\/(hosts[^"\/\\]*)"/;
    if (!defined $hosts || content("$host$executor/$hosts") !~ /[ \t]cache-\Q$scope\E\s/) { $foundAt{$step} = 0; next }
    my ($view, $rootfs, @mounts) = mounts_of($step);
    if (!defined $rootfs) {
      blind("the mounts of a step are not visible") if -d "$host$executor/$step" && time - $foundAt{$step} > $unseenSeconds;
      next;
    }
    my ($upper, $hasMore) = upper_of($rootfs);
    # The process may end before the build does, when a path through it leads nowhere, but the engine does not.
    my @paths = map { -d "$host$_" ? "$host$_" : "$view$_" } $upper, writable_mounts($config, @mounts);
    # They exist at least as long as the step's own folder.
    blind("a folder that receives what a step writes is not visible") if (grep { !-d } @paths) && -d "$host$executor/$step";
    $folders{$_} //= '' for @paths;
    $folders{$paths[0]} = output_of_now('stat', '-c', '%.9Z', "$host$executor/$step/config.json") if $hasMore;
    print "step $1\n" if $config =~ /"args":(\[(?:"[^"\\]*(?:\\.[^"\\]*)*",?)*\])/;
    $devices{$step} = { map { $_ => 1 } grep { defined } map { (stat $_)[0] } @paths, map { "$_$executor/$step/rootfs" } $host, $view };
    $foundAt{$step} = 0;
  }
}

sub output_of_now {
  my (@command) = @_;
  open(my $pipe, '-|', @command) or blind("cannot run $command[0]: $!");
  chomp(my $line = <$pipe> // '');
  return $line;
}

# Runs a program and looks for steps at the same time. Returns what it prints; undef when it takes too long, or is killed, as for want of
# memory, or fails although folders that it was given exist.
sub output_of {
  my (@command) = @_;
  my $until = time + $countSeconds;
  my $id = open(my $pipe, '-|', @command) or blind("cannot run $command[0]: $!");
  my $text = '';
  while (1) {
    find_steps();
    note_alive();
    my $ready = '';
    vec($ready, fileno $pipe, 1) = 1;
    if (select($ready, undef, undef, $pollSeconds) > 0) { last unless sysread($pipe, $text, 65536, length $text) }
    if (time > $until) { kill 'KILL', $id; close $pipe; return }
  }
  close $pipe;
  return if $? & 127 || $? && $text eq '' && grep { /^\// && -d } @command;
  return $text;
}

sub sum_of {
  my ($text) = @_;
  return unless defined $text;
  my $sum = 0;
  $sum += $_ for $text =~ /^(\d+)/mg;
  return $sum;
}

# Files that were deleted and are still open in steps. Returns undef when there are too many to look at.
sub held_bytes {
  my $until = time + $openFilesSeconds;
  my ($sum, $files, %seen) = (0, 0);
  my $steps = join '|', keys %devices or return 0;
  opendir(my $proc, '/proc') or return 0;
  for my $process (grep { /^\d+$/ } readdir $proc) {
    my ($step) = content("/proc/$process/cgroup") =~ /\b($steps)\b/ or next;
    opendir(my $open, "/proc/$process/fd") or next;
    while (defined(my $number = readdir $open)) {
      return if time > $until;
      find_steps() if ++$files % $filesPerPoll == 0;
      my ($device, $inode, $links, $blocks) = (stat "/proc/$process/fd/$number")[0, 1, 3, 12];
      next unless defined $device && -f _ && $links == 0 && $devices{$step}{$device} && !$seen{"$device $inode"}++;
      $sum += $blocks * 512 > $inodeBytes ? $blocks * 512 : $inodeBytes;
      return $sum if $sum > $limitBytes;
    }
  }
  return $sum;
}

sub free_bytes {
  my ($folder) = grep { -d } keys %folders or return 0;
  my ($blocks, $size) = split ' ', output_of('stat', '-f', '-c', '%f %S', $folder) // '';
  return ($blocks // 0) * ($size // 0);
}

# Returns how much more the build may write. Bytes come first: they are counted faster than inodes and open files. Holes count as well,
# because the engine writes them out when it reads a result.
sub measure {
  my @whole = grep { $folders{$_} eq '' } keys %folders;
  my ($kib, $withHoles, $inodes) = (0, 0, 0);
  for my $folder (grep { $folders{$_} ne '' } keys %folders) {
    my @newer = ('find', $folder, '-xdev', '-newerct', "\@$folders{$folder}");
    my $sizes = output_of(@newer, '-printf', '%k %s\n') // slow();
    $kib += sum_of($sizes);
    $withHoles += $1 / 1024 while $sizes =~ / (\d+)$/mg;
    $inodes += $sizes =~ tr/\n//;
  }
  $kib += sum_of(output_of('du', '-skx', '--', @whole)) // slow() if @whole;
  full() if $kib * 1024 > $limitBytes;
  $withHoles += sum_of(output_of('du', '-skx', '--apparent-size', '--', @whole)) // slow() if @whole;
  $inodes += sum_of(output_of('du', '-sx', '--inodes', '--', @whole)) // slow() if @whole;
  my ($used) = sort { $b <=> $a } $kib * 1024, $withHoles * 1024, $inodes * $inodeBytes;
  full() if $used > $limitBytes;
  my $held = held_bytes() // slow();
  $used += $held;
  full() if $used > $limitBytes;
  print "used $used\n";
  return $limitBytes - $used;
}

find_host();
blind("the engine's folder $executor is not visible") if $host eq '';
print "watching\n";
my ($left, $free, $nextAt, $freeAt) = (0, 0, 0, 0);
while (1) {
  find_steps();
  if ($isLast) { measure() if %folders; print "done\n"; exit 0 }
  note_alive();
  if (%folders && time > $freeAt) {
    my $now = free_bytes();
    $freeAt = time;
    # Measuring takes at most a quarter of the time, unless the disk has lost as much space as the build had left.
    if (time > $nextAt || $free - $now > $left) {
      my $startedAt = time;
      $free = $now;
      $left = measure();
      $nextAt = time + 3 * (time - $startedAt);
    }
  }
  select(undef, undef, undef, $pollSeconds);
}
