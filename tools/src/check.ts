// npm run check: runs every static check in order, also after one has failed, and prints a summary.

import colors from "picocolors";
import { print, runCommand, runProgram, takesOnly } from "@slipway/setup";

const checks = [
  { name: "format", program: "oxfmt", args: ["--check", "."] },
  { name: "lint", program: "oxlint", args: [] },
  { name: "types", program: "tsc", args: ["-p", "."] },
  { name: "console types", program: "tsc", args: ["-p", "apps/console"] },
  { name: "boundaries", program: "turbo", args: ["boundaries"] },
  { name: "configuration", program: "node", args: ["tools/src/config-docs.ts", "--check"] },
  { name: "spelling", program: "cspell", args: ["lint", "--no-progress"] },
  { name: "words", program: "node", args: ["tools/src/plain-words.ts"] },
  { name: "commits", program: "node", args: ["tools/src/commit-messages.ts"] },
  { name: "unused", program: "knip", args: ["--no-progress"] },
];

await runCommand(async () => {
  takesOnly("check", []);
  const lines: string[] = [];
  let failures = 0;
  for (const { name, program, args } of checks) {
    print(colors.bold(`${name}: ${[program, ...args].join(" ")}`));
    const startedAt = performance.now();
    const code = await runProgram(program, args, { TURBO_TELEMETRY_DISABLED: "1" });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    if (code !== 0) failures += 1;
    lines.push(`${code === 0 ? colors.green("ok    ") : colors.red("failed")}  ${name} (${seconds} s)`);
  }
  print(`\n${lines.join("\n")}`);
  return failures === 0 ? 0 : 1;
});
