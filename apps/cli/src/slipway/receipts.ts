// slipway receipt and sbom: show and verify the documents about a build.

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { mebibytesText, toSlipwayError } from "@slipway/core";
import { receiptAnswer, receiptKeysAnswer } from "@slipway/protocol";
import type { ReceiptAnswer } from "@slipway/protocol";
import { descriptorNames, statementOf, verifyEnvelope } from "@slipway/receipts";
import type { Statement } from "@slipway/receipts";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import type { AddCommand } from "./command.ts";
import type { Session } from "./session.ts";

type Args = readonly (string | undefined)[];

export function addReceiptCommands(add: AddCommand): void {
  add("receipt [DEPLOYMENT]", "show the receipt of a deployment's image, by default of the last deployment", {
    examples: ["slipway receipt", "slipway receipt --verify", "slipway receipt --json > receipt.json"],
    options: [
      [
        "--verify",
        "check the signature, and that the image is the app's; the exit code is 1 if one is wrong",
      ],
      ["--key <file>", "verify with this public key instead of those that Slipway lists"],
    ],
    run: receipt,
  });
  add(
    "sbom [DEPLOYMENT]",
    "print the SBOM of a deployment's image as CycloneDX, by default of the last deployment",
    {
      examples: ["slipway sbom > sbom.json"],
      run: sbom,
    },
  );
}

async function receipt(session: Session, [id]: Args, command: Command): Promise<number> {
  const { verify, key } = command.opts<{ verify?: boolean; key?: string }>();
  const app = await session.app();
  const deployment = await session.deployment(app, id);
  const api = await session.api();
  const path = `/apps/${app.id}/deployments/${deployment.id}/receipt`;
  const envelope = await api.find(path, receiptAnswer);
  if (envelope === undefined)
    throw new CommandError(`The deployment ${deployment.id} has no receipt: it built no image.`);
  if (verify === true || key !== undefined) {
    const keys = key === undefined ? await listedKeys(session) : [await readKey(key)];
    const signer = signedBy(envelope, keys);
    checkApp(envelope, app.id);
    session.output.message("verified", `signed by the key ${signer}`);
  }
  session.output.result(envelope, linesOf(statementOf(envelope)));
  return exitCodes.success;
}

async function sbom(session: Session, [id]: Args): Promise<number> {
  const app = await session.app();
  const deployment = await session.deployment(app, id);
  const path = `/apps/${app.id}/deployments/${deployment.id}/sbom`;
  // The API's error says why the document does not exist.
  session.output.line(JSON.stringify(await (await session.api()).get(path, z.looseObject({}))));
  return exitCodes.success;
}

async function listedKeys(session: Session): Promise<string[]> {
  const { receipt_keys: keys } = await (await session.api()).get("/receipt_keys", receiptKeysAnswer);
  return keys.map(({ pem }) => pem);
}

async function readKey(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${reasonOf(error)}.`, exitCodes.usage);
  }
}

/** Rejects a valid receipt of another app: it proves nothing about this one. */
function checkApp(envelope: ReceiptAnswer, appId: string): void {
  const [{ name }] = statementOf(envelope).subject;
  if (name !== `apps/${appId}`)
    throw new CommandError(`The receipt is not valid: it is of the image ${name}, which is another app's.`);
}

function signedBy(envelope: ReceiptAnswer, keys: readonly string[]): string {
  try {
    return verifyEnvelope(envelope, keys);
  } catch (error) {
    throw new CommandError(`The receipt is not valid: ${toSlipwayError(error).message}.`);
  }
}

function linesOf({ subject: [image], predicate }: Statement): string[] {
  const { buildDefinition, runDetails } = predicate;
  const { externalParameters, internalParameters, resolvedDependencies } = buildDefinition;
  const { byproducts, metadata } = runDetails;
  const source = resolvedDependencies.find(({ name }) => name === descriptorNames.source);
  const buildpacks = resolvedDependencies.filter(({ name }) => name === descriptorNames.buildpack);
  const toolchain = Object.entries(internalParameters.toolchain).map((one) => one.join(" "));
  const layers = byproducts.map(({ annotations }) => Number(annotations?.["sizeBytes"]));
  const reused = byproducts.filter(({ annotations }) => annotations?.["reused"] === true).length;
  const size = mebibytesText(
    layers.reduce((sum, sizeBytes) => sum + sizeBytes, 0),
    "tenths",
  );
  const facts: readonly (readonly [string, string])[] = [
    ["image", `${image.name}@sha256:${image.digest.sha256}`],
    [
      "source",
      `sha256:${source?.digest?.["sha256"] ?? ""}${source?.uri === undefined ? "" : ` of ${source.uri}`}`,
    ],
    ["ref", externalParameters.source.gitRef ?? "-"],
    ["builder", externalParameters.builder],
    ...buildpacks.map(({ uri, digest = {}, annotations }) => {
      const parts = [String(annotations?.["buildpack"]), ...(uri === undefined ? [] : [uri])];
      return ["buildpack", [...parts, ...Object.values(digest)].join(" ")] as const;
    }),
    ["toolchain", toolchain.join(", ") || "-"],
    ["layers", `${layers.length} of ${size}, ${reused} reused`],
    ["cache", metadata.slipway_cacheHit ? "hit" : "miss"],
    ...metadata.slipway_phases.map(({ name, durationMs, reused: what }) => {
      const took = `${name} ${(durationMs / 1000).toFixed(1)} s`;
      return ["phase", what.length === 0 ? took : `${took}, reused ${what.join(", ")}`] as const;
    }),
  ];
  return facts.map(([name, value]) => `${name.padEnd(10)} ${value}`);
}
