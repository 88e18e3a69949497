// What the parts of a Dockerfile's build may not do that BuildKit does itself, on the network and with the images of the engine.
//
// A Dockerfile does not show all of them: a base image may trigger some (ONBUILD), and variables may hide addresses.

import { isIP } from "node:net";
import { fetchesUrl, imageOfStep } from "@slipway/buildkit";
import { SlipwayError } from "@slipway/core";
import { type Destination, isClosed, isOpen } from "@slipway/docker";

export interface StepRules {
  /** Host of the installation's registry. */
  readonly registryHost: string;
  /** Images of the installation that may be used. */
  readonly stacks: readonly string[];
  /** What is open besides the public internet. */
  readonly open: readonly Destination[];
}

const httpsPort = 443;
/** Of images that Slipway makes on an engine. */
const ownRepositories = ["docker.io/slipway-", "docker.io/library/slipway-"];

/** @param name of a part of a build, as BuildKit reports it. @throws {SlipwayError} "build-failed" when it must not run. */
export function checkStep(rules: StepRules, name: string): void {
  if (fetchesUrl(name)) throw failed(`the engine would fetch ${name} itself. Fetch it in a RUN step`);
  const image = imageOfStep(name)?.toLowerCase() ?? null;
  if (image === null || image === "scratch") return;
  const { registryHost, stacks, open } = rules;
  if (stacks.some((stack) => isImage(image, stack.toLowerCase()))) return;
  if (
    image.startsWith(`${registryHost.toLowerCase()}/`) ||
    ownRepositories.some((own) => image.startsWith(own))
  )
    throw failed(`${image} is an image of this installation; only ${stacks[0]} may be used`);
  if (isClosedHost(hostOf(image), open))
    throw failed(`${image} is in a registry that is not on the public internet`);
}

function isImage(image: string, name: string): boolean {
  return image === name || image.startsWith(`${name}@`);
}

/** The registry's host and port in an image's name; "" for the default registry. */
function hostOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : "";
}

function isClosedHost(host: string, open: readonly Destination[]): boolean {
  const [, bracketed, plain = "", port] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(host) ?? [];
  const name = bracketed ?? plain;
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return isIP(name) !== 0 && isClosed(name) && !isOpen(open, name, Number(port ?? httpsPort));
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
