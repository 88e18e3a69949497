// The layers of Python toolchains: uv, which installs packages, and an interpreter in addition to the stack's.

import type { LayerPlan, Toolchain } from "./layer-plans.ts";
import type { PythonIndex } from "./python-index.ts";
import type { PythonMirror } from "./python-mirror.ts";
import type { PythonChoice, UvChoice } from "./python-versions.ts";
import { wheelFiles } from "./wheel.ts";

const uvHome = "opt/slipway/uv";
const pythonHome = "opt/slipway/python";
const environmentPath = "/app/.venv/bin";

interface PythonParts {
  readonly index: PythonIndex;
  readonly mirror: PythonMirror | null;
}

/** @returns the toolchains for builds and for releases. Only builds have uv. */
export function pythonToolchains(
  parts: PythonParts,
  { python, uv }: { readonly python: PythonChoice; readonly uv: UvChoice },
): { readonly build: Toolchain; readonly run: Toolchain } {
  const interpreter = interpreterLayers(parts, python);
  const path = interpreter.length === 0 ? [] : [`/${pythonHome}/bin`];
  return {
    build: { layers: [...interpreter, uvLayer(parts, uv)], path: [...path, `/${uvHome}/bin`] },
    run: { layers: interpreter, path: [environmentPath, ...path] },
  };
}

/** uv's program. */
function uvLayer({ index }: Pick<PythonParts, "index">, { version, wheel }: UvChoice): LayerPlan {
  return {
    key: `uv ${wheel.name} ${wheel.sha256}`,
    parts: [
      {
        files: (signal) => wheelFiles(index.download(wheel, signal), wheel.name),
        place: (path) => {
          if (path === `uv-${version}.data/scripts/uv`) return `${uvHome}/bin/uv`;
          const [, license] = /\.dist-info\/licenses\/(LICENSE[\w.-]*)$/.exec(path) ?? [];
          return license === undefined ? null : `${uvHome}/${license}`;
        },
      },
    ],
    links: [],
  };
}

/** An interpreter without its tests, its graphical programs and its documentation. */
function interpreterLayers(
  { mirror }: PythonParts,
  { version, mirrored }: PythonChoice,
): readonly LayerPlan[] {
  if (mirrored === null || mirror === null) return [];
  const line = version.split(".").slice(0, 2).join(".");
  const program = `bin/python${line}`;
  const omitted = new RegExp(
    String.raw`^share/|^lib/python${line}/(test|idlelib|tkinter|turtledemo|lib2to3/tests|ensurepip)/|^lib/(tcl|tk|itcl|thread)[\d.]+/`,
  );
  return [
    {
      key: `python ${mirrored.file} ${mirrored.sha256}`,
      parts: [
        {
          files: (signal) => mirror.files(mirrored, signal),
          place: (path) => (omitted.test(path) ? null : `${pythonHome}/${path}`),
        },
      ],
      // In the archives these are links, which are omitted.
      links: ["python3", "python"].map((name) => ({
        kind: "symbolic" as const,
        path: `${pythonHome}/bin/${name}`,
        target: `${pythonHome}/${program}`,
      })),
    },
  ];
}
