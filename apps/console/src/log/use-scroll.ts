// Scrolling of the log: which lines are visible, and whether the view follows the end.

import { useCallback, useLayoutEffect, useRef, useState } from "react";
import { lineWindow, scrollTopOf } from "./line-window.ts";
import type { LineWindow } from "./line-window.ts";

const linePx = 20;
const firstViewPx = 600;

interface Scroll {
  readonly ref: React.RefObject<HTMLDivElement | null>;
  readonly window: LineWindow;
  readonly follows: boolean;
  readonly onScroll: () => void;
  readonly setFollows: (follows: boolean) => void;
  readonly showIndex: (index: number) => void;
}

/** @param count number of lines in the view. */
export function useScroll(count: number, followsAtFirst: boolean): Scroll {
  const ref = useRef<HTMLDivElement>(null);
  const [{ top, viewPx }, setView] = useState({ top: 0, viewPx: firstViewPx });
  const [follows, setFollows] = useState(followsAtFirst);
  const view = { count, linePx, viewPx };
  const shown = lineWindow(view, top);

  const measure = useCallback(() => {
    const element = ref.current;
    if (element !== null) setView({ top: element.scrollTop, viewPx: element.clientHeight });
  }, []);
  const onScroll = () => {
    const element = ref.current;
    if (element === null) return;
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - linePx * 2;
    // Only the user scrolls up: a growing log does not move the position.
    if (element.scrollTop < top && !isAtEnd) setFollows(false);
    else if (isAtEnd && element.scrollTop > top && !follows) setFollows(true);
    measure();
  };
  useLayoutEffect(() => {
    const element = ref.current;
    if (element !== null && follows) element.scrollTop = element.scrollHeight;
  }, [count, follows, viewPx]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    if (ref.current !== null) observer.observe(ref.current);
    return () => observer.disconnect();
  }, [measure]);
  const showIndex = (index: number) => {
    setFollows(false);
    if (ref.current !== null) ref.current.scrollTop = scrollTopOf(view, index);
  };
  return { ref, window: shown, follows, onScroll, setFollows, showIndex };
}
