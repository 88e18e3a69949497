// The log view: a virtualized list of lines with search, links to lines, and following.

import { durationText } from "@slipway/protocol/presentation";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Dispatch, SetStateAction } from "react";
import { plainOf } from "./ansi.ts";
import { copyText } from "./copy-text.ts";
import { addressOf, hashOf, rangeIn } from "./line-range.ts";
import type { LineRange } from "./line-range.ts";
import type { LogBuffer } from "./log-buffer.ts";
import { LogLine, isWithin } from "./log-lines.tsx";
import type { Section } from "./log-lines.tsx";
import { LogToolbar } from "./log-toolbar.tsx";
import type { LogSearch } from "./log-search.ts";
import type { LogState } from "./follow-output.ts";
import { useFolds } from "./use-folds.ts";
import type { Folding } from "./use-folds.ts";
import { useScroll } from "./use-scroll.ts";
import { useSearch } from "./use-search.ts";

const notCopied = "Not copied: select the lines and copy them by the keyboard, or download the log.";

interface LogViewProps {
  readonly app: string;
  readonly id: string;
  readonly buffer: LogBuffer;
  readonly state: LogState;
  readonly times: boolean;
  readonly setTimes: (times: boolean) => void;
  /** Number of the line with the failure; null for none. */
  readonly failureLine: number | null;
}

export function LogView({ app, id, buffer, state, times, setTimes, failureLine }: LogViewProps) {
  const { count } = buffer;
  const [range, setRange] = useState<LineRange | null>(() => rangeIn(location.hash));
  const [text, setText] = useState("");
  const [filters, setFilters] = useState(false);
  const search = useSearch(buffer, text, count);
  const filtered = filters && search !== null;
  const folding = useFolds(buffer, count);
  const { folds } = folding;
  const shownCount = filtered ? search.count : folds.count;
  const scroll = useScroll(shownCount, range === null);
  const { showIndex, window: lines } = scroll;
  const numberAt = (index: number) => (filtered ? search.match(index) : folds.lineAt(index));
  const showLine = (line: number) =>
    showIndex(filtered ? search.indexFrom(line) : folding.reveal(line).indexOf(line));
  useLinkedLine(range, count, filtered, showLine, setRange);

  const { choose, next, copy, copyNotice } = useLineActions({ buffer, range, setRange, search, showLine });
  const shownLines = Math.max(0, lines.end - lines.first);
  const numbers = Array.from({ length: shownLines }, (_, offset) => numberAt(lines.first + offset));
  return (
    <section className="log" aria-label="Log">
      <LogToolbar
        {...{ app, id, state, times, setTimes, filters, setFilters }}
        search={text}
        setSearch={setText}
        areAllFolded={filtered ? undefined : folding.areAllFolded}
        foldAll={folding.foldAll}
        matches={search === null ? null : search.count}
        onNext={next}
        copyLabel={range === null ? "Copy all" : `Copy ${hashOf(range)}`}
        onCopy={copy}
        copyNotice={copyNotice}
      />
      <Interruption state={state} next={count + 1} />
      <div
        className="lines"
        ref={scroll.ref}
        onScroll={scroll.onScroll}
        tabIndex={0}
        role="group"
        aria-label={`${count.toLocaleString("en")} lines; arrow keys scroll, slash searches`}
        data-count={count}
      >
        <div className="canvas" style={{ height: lines.heightPx }}>
          <div className="shown" style={{ transform: `translateY(${lines.topPx}px)` }}>
            <Lines
              {...{ numbers, buffer, times, range, failureLine }}
              folding={filtered ? null : folding}
              onChoose={choose}
              onFold={folding.toggle}
            />
          </div>
        </div>
        {count === 0 ? <Empty state={state} /> : null}
      </div>
      {scroll.follows || count === 0 ? null : <ToEnd onClick={() => scroll.setFollows(true)} />}
    </section>
  );
}

function ToEnd({ onClick }: { readonly onClick: () => void }) {
  return (
    <button type="button" className="to-end" onClick={onClick}>
      ↓ Jump to the end
    </button>
  );
}

interface LinesProps extends Pick<LogViewProps, "buffer" | "times" | "failureLine"> {
  /** Numbers of the lines to render, in order. */
  readonly numbers: readonly number[];
  readonly range: LineRange | null;
  /** Null while only matches are shown, because matches have no sections. */
  readonly folding: Folding | null;
  readonly onChoose: (line: number, extend: boolean) => void;
  readonly onFold: (header: number) => void;
}

function Lines({ numbers, buffer, times, range, failureLine, folding, onChoose, onFold }: LinesProps) {
  return numbers.map((number) => (
    <LogLine
      key={number}
      {...{ number, text: buffer.line(number), at: times ? buffer.time(number) : undefined }}
      isChosen={isWithin(range, number)}
      isFailure={number === failureLine}
      section={folding === null ? null : sectionOf(buffer, folding, number)}
      {...{ onChoose, onFold }}
    />
  ));
}

/** The section that a line begins; null for none. */
function sectionOf(buffer: LogBuffer, { folds, isFolded }: Folding, number: number): Section | null {
  if (folds.headerOf(number) !== number) return null;
  const last = folds.lastOf(number);
  // The last section ends with its last line, every other section at the next header.
  const tookMs = buffer.time(last === buffer.count ? last : last + 1) - buffer.time(number);
  return {
    isFolded: isFolded(number),
    lines: last - number,
    took: Number.isNaN(tookMs) ? "" : durationText(tookMs),
  };
}

interface LineActions {
  readonly buffer: LogBuffer;
  readonly range: LineRange | null;
  readonly setRange: Dispatch<SetStateAction<LineRange | null>>;
  readonly search: LogSearch | null;
  readonly showLine: (line: number) => void;
}

/** Linking to lines, stepping through matches, and copying. */
function useLineActions({ buffer, range, setRange, search, showLine }: LineActions) {
  // The function's identity is stable, so that unchanged lines are not rendered again.
  const choose = useCallback(
    (line: number, extend: boolean) =>
      setRange((chosen) =>
        extend && chosen !== null
          ? { from: Math.min(chosen.from, line), to: Math.max(chosen.from, line) }
          : { from: line, to: line },
      ),
    [setRange],
  );
  useEffect(() => {
    if (range !== null && `#${hashOf(range)}` !== location.hash)
      history.replaceState(history.state, "", addressOf(hashOf(range)));
  }, [range]);
  const [copyNotice, setCopyNotice] = useState("");
  const next = (backwards: boolean) => {
    if (search === null || search.count === 0) return;
    const current = range?.from ?? 0;
    const index = backwards ? search.indexFrom(current) - 1 : search.indexFrom(current + 1);
    const line = search.match((index + search.count) % search.count);
    choose(line, false);
    showLine(line);
  };
  const copy = () => {
    const copied = buffer.text(range?.from, range?.to).split("\n").map(plainOf).join("\n");
    void copyText(copied).then((isCopied) => setCopyNotice(isCopied ? "Copied" : notCopied));
  };
  return { choose, next, copy, copyNotice };
}

/** Shows why no further lines arrive, and what happens next. */
function Interruption({ state, next }: { readonly state: LogState; readonly next: number }) {
  if (state.name !== "cut" && state.name !== "failed") return null;
  return (
    <p className="notice warn" role="alert">
      {state.name === "cut"
        ? `The live log was cut (${state.reason}). It continues at line ${next} when the stream answers.`
        : `The log cannot be read: ${state.reason} Reload the page to try again.`}
    </p>
  );
}

function Empty({ state }: { readonly state: LogState }) {
  return (
    <p className="empty">
      {state.name === "ended"
        ? "The log has no lines."
        : "No lines yet. They appear here as they are written."}
    </p>
  );
}

/** Shows the line that the URL names once it has arrived, and again when the URL changes. The key `/` focuses the search. */
function useLinkedLine(
  range: LineRange | null,
  count: number,
  filtered: boolean,
  showLine: (line: number) => void,
  setRange: (range: LineRange | null) => void,
): void {
  const wanted = useRef(range);
  useEffect(() => {
    const { current } = wanted;
    if (current === null || filtered || count < current.from) return;
    wanted.current = null;
    showLine(current.from);
  });
  useEffect(() => {
    const onHash = () => {
      wanted.current = rangeIn(location.hash);
      setRange(wanted.current);
    };
    const onKey = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key !== "/" || isTyping) return;
      event.preventDefault();
      document.querySelector<HTMLInputElement>(".log input[type=search]")?.focus();
    };
    addEventListener("hashchange", onHash);
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("hashchange", onHash);
      removeEventListener("keydown", onKey);
    };
  }, [setRange]);
}
