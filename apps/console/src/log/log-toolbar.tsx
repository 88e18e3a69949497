// The log view's tools: search, filter, times, copy, download.

import { apiUrl } from "../api/client.ts";
import { appPath } from "../api/queries.ts";
import type { LogState } from "./follow-output.ts";

const stateTexts = {
  connecting: "Connecting…",
  live: "Live",
  ended: "Complete",
  cut: "Reconnecting…",
  failed: "Not read",
};

export interface ToolbarProps {
  readonly app: string;
  readonly id: string;
  readonly state: LogState;
  readonly search: string;
  readonly setSearch: (text: string) => void;
  /** Null while there is no search. */
  readonly matches: number | null;
  readonly onNext: (backwards: boolean) => void;
  readonly filters: boolean;
  readonly setFilters: (filters: boolean) => void;
  readonly times: boolean;
  readonly setTimes: (times: boolean) => void;
  /** Undefined for a log without sections. */
  readonly areAllFolded: boolean | undefined;
  readonly foldAll: (fold: boolean) => void;
  readonly copyLabel: string;
  readonly onCopy: () => void;
  /** The result of the last copy; empty before the first copy. */
  readonly copyNotice: string;
}

export function LogToolbar(props: ToolbarProps) {
  const { app, id, state, search, setSearch, matches, onNext, filters, setFilters, times, setTimes } = props;
  return (
    <div className="log-tools" role="toolbar" aria-label="Log">
      <span className={`log-state ${state.name}`} role="status">
        {stateTexts[state.name]}
      </span>
      <input
        type="search"
        aria-label="Search the log"
        placeholder="Search (/)"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") onNext(event.shiftKey);
          if (event.key === "Escape") setSearch("");
        }}
      />
      {matches === null ? null : (
        <span className="matches" role="status">
          {matches.toLocaleString("en")} {matches === 1 ? "line" : "lines"}
        </span>
      )}
      <label>
        <input type="checkbox" checked={filters} onChange={(event) => setFilters(event.target.checked)} />{" "}
        Only matches
      </label>
      <label>
        <input type="checkbox" checked={times} onChange={(event) => setTimes(event.target.checked)} /> Times
      </label>
      <span className="grow" />
      {props.areAllFolded === undefined ? null : (
        <button type="button" onClick={() => props.foldAll(props.areAllFolded === false)}>
          {props.areAllFolded ? "Unfold all" : "Fold all"}
        </button>
      )}
      <button type="button" onClick={props.onCopy}>
        {props.copyLabel}
      </button>
      {props.copyNotice === "" ? null : <span role="status">{props.copyNotice}</span>}
      <a
        className="button"
        href={apiUrl(appPath(app, `/deployments/${id}/output`))}
        download={`${app}-${id}.log`}
      >
        Download
      </a>
    </div>
  );
}
