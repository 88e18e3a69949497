// The toolchain of Python apps: the stack's Python or a Python of a mirror, and uv from the Python package index.

import type { PythonPlan } from "@slipway/buildpacks";
import type { BlobStore, ImageRegistry } from "@slipway/core";
import {
  architectureOf,
  openPythonIndex,
  openPythonMirror,
  pythonToolchains,
  resolvePython,
  resolveUv,
} from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { combined } from "./toolchain-images.ts";
import type { EnsureImages } from "./toolchain-images.ts";

export interface PythonToolchainOptions {
  /** URL of the Python package index. */
  readonly pythonIndex: string;
  /** URL of a folder with interpreters of python-build-standalone; undefined when the operator has configured none. */
  readonly pythonMirror: string | undefined;
  readonly registry: Pick<ImageRegistry, "inspect">;
  readonly stackImage: string;
  readonly ensureImages: EnsureImages;
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

/** Label of stack images: the version of their Python. */
const versionLabel = "slipway.python";

export function openPythonToolchain(options: PythonToolchainOptions): LanguageToolchain<PythonPlan> {
  const { pythonIndex, pythonMirror, registry, stackImage, blobs, now } = options;
  const kept = {
    blobs,
    now,
    onError: (error: unknown) =>
      options.onError(error, "the answers of Python's index and mirror cannot be kept in the blob store"),
  };
  const parts = {
    index: openPythonIndex({ ...kept, url: pythonIndex }),
    mirror: pythonMirror === undefined ? null : openPythonMirror({ ...kept, url: pythonMirror }),
    architecture: architectureOf(process.arch),
  };
  return {
    choose: async (plan, signal) => {
      const stack = await registry.inspect(stackImage, signal);
      const stackVersion = stack?.config.labels[versionLabel] ?? null;
      const python = await resolvePython({ ...parts, stackVersion }, plan.python, signal);
      const uv = await resolveUv(parts, plan.uvRange, signal);
      const toolchains = pythonToolchains(parts, { python, uv });
      const { wanted, wantedIn } = plan.python;
      const reason =
        wanted === "" ? "The app names no version: add a .python-version" : `${wantedIn} names ${wanted}`;
      return {
        lines: [
          `-----> Using Python ${python.version} and uv ${uv.version}`,
          `       ${reason}`,
          `       Dependencies are those of ${plan.dependencies}`,
        ],
        versions: { python: python.version, uv: uv.version },
        toolchains,
        images: (imagesSignal, beside) => options.ensureImages(combined(toolchains, beside), imagesSignal),
      };
    },
  };
}
