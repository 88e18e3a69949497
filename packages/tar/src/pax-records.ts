// Parses the records of a pax header. `Pax.parse` of the package `tar` splits them at line feeds, and so loses or invents records
// when a name contains one; here each record ends where its length says.

import { Pax } from "tar";

const lineFeed = 0x0a;

/**
 * Returns the attributes of the next entry: those of `previous`, replaced by the records of the body. Skips malformed records
 * and unknown keywords.
 */
export function parsePax(body: Buffer, previous: Pax | undefined): Pax {
  const pax = new Pax(previous ?? {});
  for (let start = 0; start < body.length;) {
    const record = recordAt(body, start);
    if (record !== null) apply(pax, record);
    start = record?.end ?? nextLine(body, start);
  }
  return pax;
}

interface PaxRecord {
  readonly keyword: string;
  readonly value: string;
  /** Index of the byte after the record. */
  readonly end: number;
}

/** Reads `LENGTH KEYWORD=VALUE\n`, where the length counts all bytes of the record. */
function recordAt(body: Buffer, start: number): PaxRecord | null {
  const space = body.indexOf(" ", start);
  const digits = body.toString("latin1", start, space);
  const end = start + Number(digits);
  if (space === -1 || !/^\d{1,15}$/.test(digits) || end <= space || body[end - 1] !== lineFeed) return null;
  const [keyword = "", ...rest] = body.toString("utf8", space + 1, end - 1).split("=");
  if (rest.length === 0) return null;
  return { keyword, value: rest.join("=").replace(/\0.*$/s, ""), end };
}

function apply(pax: Pax, { keyword, value }: PaxRecord): void {
  switch (keyword) {
    case "path":
    case "linkpath":
      pax[keyword] = value;
      break;
    case "size":
      if (Number(value) >= 0) pax.size = Number(value);
      break;
    case "uid":
    case "gid":
      if (Number.isSafeInteger(Number(value)) && Number(value) >= 0) pax[keyword] = Number(value);
      break;
    case "mtime":
      pax.mtime = new Date(Number(value) * 1000);
      break;
    default:
  }
}

function nextLine(body: Buffer, start: number): number {
  const end = body.indexOf(lineFeed, start);
  return end === -1 ? body.length : end + 1;
}
