// The visible lines of a log.

import { memo } from "react";
import { partsOf } from "./ansi.ts";
import { addressOf } from "./line-range.ts";
import type { LineRange } from "./line-range.ts";

interface LineProps {
  readonly number: number;
  readonly text: string;
  /** Milliseconds since 1970; NaN for none. Undefined hides the column. */
  readonly at: number | undefined;
  readonly isChosen: boolean;
  readonly isFailure: boolean;
  readonly onChoose: (line: number, extend: boolean) => void;
}

/** One line, with a number that links to it. Numbers and times are not part of what is copied. */
export const LogLine = memo(function LogLine(props: LineProps) {
  const { number, text, at, isChosen, isFailure, onChoose } = props;
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
    </div>
  );
});

/** Whether a line lies in a range. */
export function isWithin(range: LineRange | null, line: number): boolean {
  return range !== null && line >= range.from && line <= range.to;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
