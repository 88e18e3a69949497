// Builds the command line of `slipway` from its commands.

import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import { addAppCommands } from "./apps.ts";
import type { AddCommand } from "./command.ts";
import type { CliConfig } from "./config.ts";
import { addContainerCommands } from "./containers.ts";
import { addDeployCommand } from "./deploy.ts";
import { addDeploymentCommands } from "./deployments.ts";
import { addEnvCommands } from "./env.ts";
import { addLoginCommands } from "./login.ts";
import { addOperatorCommands } from "./operators.ts";
import { addReceiptCommands } from "./receipts.ts";
import { Session } from "./session.ts";

const codes = `
Exit codes: 0 success, 1 failed deployment or refused request, 2 wrong usage, 3 not signed in, 4 no answer from Slipway,
130 interrupted.

Environment: SLIPWAY_URL and SLIPWAY_TOKEN in place of "slipway login", SLIPWAY_APP in place of --app, NO_COLOR.`;

/** @param onEnd receives the exit code of the command that ran. */
export function createProgram(config: CliConfig, onEnd: (exitCode: number) => void): Command {
  const program = new Command("slipway");
  program.description("Deploys apps to Slipway, and shows and changes them.");
  program.option("--json", "write results as JSON on standard output");
  program.option(
    "-a, --app <name>",
    "the app; else SLIPWAY_APP, the folder's .slipway-app, or the folder's name",
  );
  program.showHelpAfterError('(see "slipway --help")').addHelpText("after", codes).exitOverride();
  const adder = (parent: Command): AddCommand => {
    return (usage, description, { examples, options = [], run }) => {
      const command = parent.command(usage).description(description);
      for (const [flags, text] of options) command.option(flags, text);
      command.option("--json", "write results as JSON on standard output");
      command.option("-a, --app <name>", "the app");
      command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
      command.action(async () => {
        onEnd(await run(new Session(config, command), command.processedArgs.flat() as string[], command));
      });
      return command;
    };
  };
  const add = adder(program);
  addLoginCommands(add);
  addDeployCommand(add);
  addDeploymentCommands(add);
  addReceiptCommands(add);
  addContainerCommands(add);
  addEnvCommands(adder(program.command("env").description("list and change the app's variables")));
  addAppCommands(adder(program.command("apps").description("list, create and delete apps")));
  addOperatorCommands(add);
  addCompletion(program);
  return program;
}

/** `completion SHELL` prints a shell script, which calls the hidden command `complete -- …` at each press of the tab key. */
function addCompletion(program: Command): void {
  tab(program, { completionCommandName: "completion" });
  program.commands
    .find((command) => command.name() === "completion")
    ?.description("print the completion script of a shell")
    .addHelpText(
      "after",
      "\nExamples:\n  $ source <(slipway completion bash)\n  $ slipway completion fish | source",
    );
}
