// Small apps that scenarios deploy, each as the files of an archive.

/** An app that is its own buildpack; `compile` is the body of its bin/compile. */
export function inlineApp(compile: string, web: string, files: Record<string, string> = {}) {
  return rooted({
    "bin/detect": "#!/bin/bash\necho Sample\n",
    "bin/compile": `#!/bin/bash\nset -e\n${compile}\n`,
    Procfile: `web: ${web}\n`,
    "serve.pl": servePl,
    ...files,
  });
}

/** A web command that answers every request with a text, which the shell expands. */
export function answering(text: string): string {
  return `exec perl serve.pl "${text}"`;
}

/**
 * A command that waits in attempts that began while the app's variable HOLD was set. An attempt reads the variables once, so the next
 * attempt continues after the variable was emptied. The point at which a fault affects the first attempt therefore does not depend on time.
 */
export const waitIfHeld = '[ -z "$HOLD" ] || sleep 600';

/** The stack contains Perl, so a server in Perl needs no build. */
export const servePl = `use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 16, ReuseAddr => 1) or die $!;
$SIG{TERM} = sub { exit 0 };
while (my $client = $server->accept) {
  while (my $line = <$client>) { last if $line !~ /\\S/ }
  print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " . length($ARGV[0]) . "\\r\\n\\r\\n" . $ARGV[0];
  close $client;
}
`;

function rooted(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`sample/${name}`, text]));
}
