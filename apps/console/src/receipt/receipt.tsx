// Shows the receipt of a deployment's build: the image, its source, the builder, and the layers.

import type { ReceiptAnswer } from "@slipway/protocol";
import type { Statement } from "@slipway/receipts";
import { useQuery } from "@tanstack/react-query";
import { receiptQuery } from "../api/queries.ts";
import { Problem } from "../parts/loaded.tsx";
import { sizeText } from "../parts/time.tsx";

export function Receipt({ app, id }: { readonly app: string; readonly id: string }) {
  const { data, error } = useQuery(receiptQuery(app, id));
  if (error !== null) return <Problem error={error} />;
  if (data == null) return null;
  return (
    <section className="receipt" aria-label="Receipt">
      <h2>Receipt</h2>
      <Facts statement={statementOf(data)} />
      <p className="hint">
        Signed by the key <code>{data.signatures[0]?.keyid.slice(0, 12)}</code>.{" "}
        <a href={fileOf(data)} download={`receipt-${id}.json`}>
          Download
        </a>
      </p>
    </section>
  );
}

function Facts({ statement }: { readonly statement: Statement }) {
  const { subject, predicate } = statement;
  const { externalParameters, internalParameters, resolvedDependencies } = predicate.buildDefinition;
  const { byproducts, metadata } = predicate.runDetails;
  const source = resolvedDependencies.find(({ name }) => name === "source");
  const buildpacks = resolvedDependencies.filter(({ name }) => name === "buildpack");
  const toolchain = Object.entries(internalParameters.toolchain).map((one) => one.join(" "));
  return (
    <dl>
      <dt>Image</dt>
      <dd>
        <Digest hex={subject[0].digest.sha256} />
      </dd>
      <dt>Source</dt>
      <dd>
        <Digest hex={source?.digest?.["sha256"] ?? ""} />
      </dd>
      <dt>Builder</dt>
      <dd>{[externalParameters.builder, ...buildpacks.map(nameOf)].join(", ")}</dd>
      {toolchain.length === 0 ? null : (
        <>
          <dt>Toolchain</dt>
          <dd>{toolchain.join(", ")}</dd>
        </>
      )}
      <dt>Cache</dt>
      <dd>{metadata.slipway_cacheHit ? "hit" : "miss"}</dd>
      <dt>Layers</dt>
      <dd>
        <ol>
          {byproducts.map(({ digest, annotations }, index) => (
            <li key={index}>
              <Digest hex={digest?.["sha256"] ?? ""} /> {sizeText(Number(annotations?.["sizeBytes"]))}
              {annotations?.["reused"] === true ? ", reused" : ""}
            </li>
          ))}
        </ol>
      </dd>
    </dl>
  );
}

function Digest({ hex }: { readonly hex: string }) {
  return <code title={`sha256:${hex}`}>{hex.slice(0, 12)}</code>;
}

type Dependency = Statement["predicate"]["buildDefinition"]["resolvedDependencies"][number];

function nameOf({ uri, annotations }: Dependency): string {
  const name = String(annotations?.["buildpack"]);
  return uri === undefined ? name : `${name} (${uri})`;
}

/** The payload is UTF-8 in Base64. */
function statementOf({ payload }: ReceiptAnswer): Statement {
  const bytes = Uint8Array.from(atob(payload), (one) => one.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Statement;
}

function fileOf(receipt: ReceiptAnswer): string {
  return `data:application/json,${encodeURIComponent(JSON.stringify(receipt))}`;
}
