#!/usr/bin/env node
// slipway: the command of people who deploy apps, and of operators.

import { runCommand } from "@slipway/setup";
import { readCliConfig } from "./slipway/config.ts";
import { runSlipway } from "./slipway/run.ts";

await runCommand(() => runSlipway(readCliConfig(), process.argv.slice(2)));
