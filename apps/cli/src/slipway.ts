#!/usr/bin/env node
// slipway: the command line for app developers and operators.

import { runCommand } from "@slipway/setup";
import { readCliConfig } from "./slipway/config.ts";
import { runSlipway } from "./slipway/run.ts";

await runCommand(() => runSlipway(readCliConfig(), process.argv.slice(2)));
