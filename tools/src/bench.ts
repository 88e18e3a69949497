// npm run bench: runs the benchmarks of bench/ one after the other, on private services.

import { glob } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  claimRun,
  leftLines,
  print,
  readOwnConfig,
  reasonOf,
  repositoryRoot,
  runCommand,
  runProgram,
  linePrinter,
  setup,
  SetupError,
  tearDown,
  testsOf,
} from "@slipway/setup";
import { parseBenchArguments } from "./bench-options.ts";

const printLine = linePrinter(process.stderr);

await runCommand(async () => {
  const given = process.argv.slice(2);
  const files = await benchmarks(namesIn(given));
  const config = readOwnConfig("bench");
  await using _lock = await claimRun(config.dataDir);
  let failures = 0;
  const left: string[] = [];
  try {
    await setup({ config, printLine });
    for (const file of files) {
      print(`\n${basename(file)}`);
      if ((await runProgram(process.execPath, [file, ...given], { TESTS_OF: testsOf })) !== 0) failures += 1;
    }
  } finally {
    left.push(...(await tearDown({ config, removeAppImages: true, printLine })));
    leftLines(left).forEach(printLine);
  }
  return failures === 0 && left.length === 0 ? 0 : 1;
});

function namesIn(given: readonly string[]): readonly string[] {
  try {
    return parseBenchArguments(given).names;
  } catch (error) {
    throw new SetupError(reasonOf(error));
  }
}

async function benchmarks(names: readonly string[]): Promise<string[]> {
  const all = await Array.fromAsync(glob(join(repositoryRoot, "bench", "*.bench.ts")));
  const chosen = all.filter(
    (file) => names.length === 0 || names.some((name) => basename(file).includes(name)),
  );
  if (chosen.length === 0)
    throw new SetupError(
      `No benchmark in bench/ matches ${names.join(" ") || "*.bench.ts"}: name part of a file name.`,
    );
  return chosen.toSorted();
}
