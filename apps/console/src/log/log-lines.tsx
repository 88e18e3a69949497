// The visible lines of a log.

import { memo } from "react";
import { partsOf, plainOf } from "./ansi.ts";
import { addressOf } from "./line-range.ts";
import type { LineRange } from "./line-range.ts";

/** The section that a header begins. */
export interface Section {
  readonly isFolded: boolean;
  /** Lines after the header. */
  readonly lines: number;
  /** The section's duration as text; empty if unknown. */
  readonly took: string;
}

interface LineProps {
  readonly number: number;
  readonly text: string;
  /** Milliseconds since 1970; NaN if unknown. Undefined hides the column. */
  readonly at: number | undefined;
  readonly isChosen: boolean;
  readonly isFailure: boolean;
  readonly onChoose: (line: number, extend: boolean) => void;
  /** Null for a line that begins no section. */
  readonly section: Section | null;
  readonly onFold: (line: number) => void;
}

/** One line, with a number that links to it. Numbers and times are left out of copied text. */
export const LogLine = memo(function LogLine(props: LineProps) {
  const { number, text, at, isChosen, isFailure, onChoose, section, onFold } = props;
  const classes = ["line", isChosen ? "chosen" : "", isFailure ? "failure-line" : ""]
    .filter(Boolean)
    .join(" ");
  return (
    <div className={classes}>
      <a
        href={addressOf(`L${number}`)}
        className="number"
        data-number={number}
        tabIndex={-1}
        aria-label={`Line ${number}`}
        onClick={(event) => {
          event.preventDefault();
          onChoose(number, event.shiftKey);
        }}
      />
      {at === undefined ? null : <span className="time" data-time={Number.isNaN(at) ? "" : clock(at)} />}
      {section === null ? null : <FoldButton {...{ number, text, section, onFold }} />}
      <span className="text">
        {partsOf(text).map(({ text: part, look }, index) =>
          look === "" ? (
            part
          ) : (
            <span key={index} className={look}>
              {part}
            </span>
          ),
        )}
        {"\n"}
      </span>
      {section === null ? null : <span className="section" data-text={sectionText(section)} />}
    </div>
  );
});

type FoldProps = Pick<LineProps, "number" | "text" | "onFold"> & { readonly section: Section };

function FoldButton({ number, text, section, onFold }: FoldProps) {
  return (
    <button
      type="button"
      className="fold"
      aria-expanded={!section.isFolded}
      aria-label={`${plainOf(text).replace(/^-+> /, "")}: ${sectionText(section)}`}
      onClick={() => onFold(number)}
    />
  );
}

function sectionText({ lines, took }: Section): string {
  const count = `${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}`;
  return took === "" ? count : `${took}, ${count}`;
}

/** Whether a line lies in a range. */
export function isWithin(range: LineRange | null, line: number): boolean {
  return range !== null && line >= range.from && line <= range.to;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
