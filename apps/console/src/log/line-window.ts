// Which lines of a long list are visible. Browsers limit the height of an element, so a very long list scrolls in larger steps.

/** The limit of every browser is higher. */
const maxHeightPx = 12_000_000;
const overscan = 12;

export interface LineWindow {
  /** Index of the first line to render. */
  readonly first: number;
  /** Index after the last line to render. */
  readonly end: number;
  /** Vertical position of the first line. */
  readonly topPx: number;
  /** Height of the whole list. */
  readonly heightPx: number;
}

interface View {
  readonly count: number;
  readonly linePx: number;
  readonly viewPx: number;
}

/** @returns the lines to render at a scroll position. */
export function lineWindow(view: View, scrollTop: number): LineWindow {
  const { count, linePx, viewPx } = view;
  const heightPx = heightOf(view);
  const offset = scrollTop * scaleOf(view);
  const first = Math.max(0, Math.floor(offset / linePx) - overscan);
  const end = Math.min(count, Math.ceil((offset + viewPx) / linePx) + overscan);
  return { first, end, topPx: scrollTop - (offset - first * linePx), heightPx };
}

/** @returns the scroll position at which the line with this index is in the upper third. */
export function scrollTopOf(view: View, index: number): number {
  const wanted = Math.max(0, index * view.linePx - view.viewPx / 3);
  return Math.min(wanted / scaleOf(view), Math.max(0, heightOf(view) - view.viewPx));
}

function heightOf({ count, linePx }: View): number {
  return Math.min(count * linePx, maxHeightPx);
}

/** Pixels of the list per pixel of scrolling. */
function scaleOf(view: View): number {
  const { count, linePx, viewPx } = view;
  const scrollable = heightOf(view) - viewPx;
  return scrollable <= 0 ? 1 : Math.max(1, (count * linePx - viewPx) / scrollable);
}
