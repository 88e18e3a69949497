// Writes a CycloneDX document about an image, using only parts of the library, which as a whole loads validators for JSON and XML.

import { hash } from "node:crypto";
import * as Enums from "@cyclonedx/cyclonedx-library/Enums";
import * as Models from "@cyclonedx/cyclonedx-library/Models";
import * as Serialize from "@cyclonedx/cyclonedx-library/Serialize";
import * as Spec from "@cyclonedx/cyclonedx-library/Spec";
import type { LockedPackage, LockedPackages } from "@slipway/lock-files";

export interface BillOptions {
  /** Version of Slipway. */
  readonly version: string;
  /** Name of the image's repository, without a host. */
  readonly imageName: string;
  /** `sha256:…` of the image's manifest. */
  readonly imageDigest: string;
  readonly locked: LockedPackages;
}

const scopes = {
  required: Enums.ComponentScope.Required,
  optional: Enums.ComponentScope.Optional,
  excluded: Enums.ComponentScope.Excluded,
} as const;

/** @returns the document as JSON. It is always the same for the same image, so that it is attached only once. */
export function billOfMaterials(options: BillOptions): string {
  const { version, imageName, imageDigest, locked } = options;
  const properties = [
    ...locked.files.map((file) => new Models.Property("slipway:lock-file", file)),
    new Models.Property("slipway:complete", String(locked.isComplete)),
  ];
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(imageDigest)}`,
    metadata: new Models.Metadata({
      tools: new Models.Tools({
        tools: new Models.ToolRepository([new Models.Tool({ name: "slipway", version })]),
      }),
      component: new Models.Component(Enums.ComponentType.Container, imageName, { version: imageDigest }),
      properties: new Models.PropertyRepository(properties),
    }),
    components: new Models.ComponentRepository(unique(locked.packages).map(componentOf)),
  });
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return new Serialize.JsonSerializer(normalizers).serialize(bom, { sortLists: true });
}

/** A UUID of version 8, whose content is not defined by the standard. */
function uuidOf(text: string): string {
  const hex = hash("sha256", text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A version may be installed in several places. It gets the widest of their scopes. */
function unique(packages: readonly LockedPackage[]): readonly LockedPackage[] {
  const found = new Map<string, LockedPackage>();
  for (const scope of ["excluded", "optional", "required"] as const)
    for (const one of packages) if (one.scope === scope) found.set(packageUrl(one), one);
  return [...found.values()];
}

function componentOf(locked: LockedPackage): Models.Component {
  const { name, version, scope, sha512 } = locked;
  const purl = packageUrl(locked);
  const hashes = sha512 === null ? [] : [[Enums.HashAlgorithm["SHA-512"], sha512] as const];
  return new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: purl,
    version,
    purl,
    scope: scopes[scope],
    hashes: new Models.HashDictionary(hashes),
  });
}

/** https://github.com/package-url/purl-spec: slashes separate namespaces, everything else is percent-encoded. */
function packageUrl({ type, namespace, name, version, qualifiers = {} }: LockedPackage): string {
  // Names of Go modules are lower case in package URLs.
  const ownPath = type === "golang" ? name.toLowerCase() : name;
  const path = (namespace === undefined ? ownPath : `${namespace}/${ownPath}`)
    .split("/")
    .map(encodeURIComponent)
    .join("/");
  const query = new URLSearchParams(qualifiers).toString();
  return `pkg:${type}/${path}@${encodeURIComponent(version)}${query === "" ? "" : `?${query}`}`;
}
