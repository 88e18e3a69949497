// The names, attributes and samples of metrics, as types derived from the registry.

import type { MetricKind } from "./definition.ts";
import type { metricRegistry } from "./registry.ts";

export type MetricName = keyof typeof metricRegistry;

/** The names of the metrics of certain kinds. */
export type NameOf<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof metricRegistry)[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

/** A value for each attribute of the metric. */
export type AttributesOf<Name extends MetricName> = {
  readonly [Attribute in keyof (typeof metricRegistry)[Name]["attributes"]]: string;
};

/** A value that is read when Prometheus scrapes. */
export type Sample = {
  [Name in NameOf<"gauge" | "total">]: {
    readonly name: Name;
    readonly value: number;
    readonly attributes: AttributesOf<Name>;
  };
}[NameOf<"gauge" | "total">];
