// An app's stack: chosen in the way of Scalingo's clients, then used by its next build and release.

import { expect, inject, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { call, createApp, logOf, page, requestApi } from "./slipway.ts";
import type { AppJson } from "./slipway.ts";

interface StackJson {
  readonly id: string;
  readonly name: string;
  readonly base_image: string;
  readonly default: boolean;
}

const script = (content: string) => ({ mode: 0o755, content: `#!/bin/bash\n${content}` });
const source = () =>
  packTarGz({
    "app/bin/detect": script("echo stacks"),
    "app/bin/compile": script('echo "built on $STACK" >"$1/built"'),
    "app/bin/release": script("echo '{default_process_types: {web: perl serve.pl}}'"),
    "app/serve.pl": `use IO::Socket::INET;
my $text = join ", ", qx(cat built) =~ s/\\n//r, $ENV{STACK}, -e "/usr/bin/gcc" ? "gcc" : "no gcc";
my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 16, ReuseAddr => 1) or die $!;
$SIG{TERM} = sub { exit 0 };
while (my $client = $server->accept) {
  while (my $line = <$client>) { last if $line !~ /\\S/ }
  print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " . length($text) . "\\r\\n\\r\\n" . $text;
  close $client;
}
`,
  });

test("an app is built and run on the stack that it chooses, and wholly again after a change", async () => {
  const { stacks } = await call<{ stacks: StackJson[] }>("GET", "/v1/features/stacks");
  expect(stacks).toMatchObject([
    {
      id: "slipway-12",
      name: "slipway-12",
      base_image: inject("stack").run,
      default: true,
      deprecated_at: null,
    },
    { id: "second", name: "second", base_image: inject("stack").build, default: false },
  ]);
  const app = await createApp("stacks");
  await logOf(app.name, await source(), "success");
  expect(await page(app.name)).toBe("built on slipway-12, slipway-12, no gcc");

  const choose = (stack: unknown) =>
    call<{ app: AppJson }>("PATCH", `/v1/apps/${app.name}`, { app: { stack_id: stack } });
  expect((await choose("second")).app).toMatchObject({ stack_id: "second" });
  await logOf(app.name, await source(), "success");
  expect(await page(app.name)).toBe("built on second, second, gcc");

  expect((await choose("slipway-12")).app).toMatchObject({ stack_id: "slipway-12" });
  const unknown = await requestApi("PATCH", `/v1/apps/${app.name}`, { app: { stack_id: "third" } });
  expect([unknown.status, await unknown.text()]).toMatchObject([
    422,
    expect.stringContaining("must be slipway-12, second"),
  ]);
});
