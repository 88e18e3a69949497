// Parses the records of a pax header. `Pax.parse` of the package `tar` splits them at line feeds, and thus loses or invents records
// when a name contains one; here each record ends where its length field says.

import { Pax } from "tar";
import { damaged } from "./tar-error.ts";

const maxQuotedChars = 40;
const lineFeed = 0x0a;

/**
 * Returns the attributes of the next entry: those of `previous`, replaced by the records of the body. Skips malformed records
 * and unknown keywords.
 * @throws {TarError} "damaged" for a size that is not a number of bytes, or a name with a NUL character: other readers of the same
 * archive would see other entries.
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
  return { keyword, value: rest.join("="), end };
}

function apply(pax: Pax, { keyword, value }: PaxRecord): void {
  switch (keyword) {
    case "path":
    case "linkpath":
      if (value.includes("\0")) throw damaged("a pax header has a name with a NUL character");
      pax[keyword] = value;
      break;
    case "size":
      pax.size = sizeOf(value);
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

function sizeOf(value: string): number {
  const sizeBytes = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes;
  const quoted = JSON.stringify(value.slice(0, maxQuotedChars));
  throw damaged(`a pax header states the size ${quoted}, which is not a number of bytes`);
}

function nextLine(body: Buffer, start: number): number {
  const end = body.indexOf(lineFeed, start);
  return end === -1 ? body.length : end + 1;
}
