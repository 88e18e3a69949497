// A line chart as SVG, with a logarithmic horizontal axis. The figures are in the picture as text, so that they can be read and searched.

export interface Picture {
  readonly title: string;
  /** The axes' quantities, with units. */
  readonly x: string;
  readonly y: string;
  readonly target?: { readonly name: string; readonly value: number } | undefined;
  readonly series: readonly Series[];
}

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Scale {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

const width = 720;
const height = 400;
const margin = { left: 70, right: 200, top: 50, bottom: 70 };
/** Colors that people with red-green color blindness can distinguish, on white and on black. */
const colors = ["#4477aa", "#cc6677", "#228833", "#aa7722"];
const ink = "#777";

/** @param measured the time and method of the measurement, shown below the picture. */
export function pictureOf(picture: Picture, measured: string): string {
  const scale = scaleOf(picture);
  const parts = [
    text(margin.left, 26, picture.title, "font-size='16' font-weight='bold'"),
    ...axes(picture, scale),
    ...(picture.target === undefined ? [] : targetLine(picture.target, scale)),
    ...picture.series.flatMap((series, index) => lineOf(series, colors[index % colors.length] ?? ink, scale)),
    ...labels(picture, scale),
    text(margin.left, height - 8, measured, "font-size='11'"),
  ];
  const opening = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="13" fill="${ink}">`;
  return `${opening}\n<title>${escaped(picture.title)}</title>\n${parts.join("\n")}\n</svg>\n`;
}

function scaleOf({ series, target }: Picture): Scale {
  const points = series.flatMap((one) => one.points);
  const logs = points.map(([x]) => Math.log10(x));
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const highest = niceAbove(Math.max(target?.value ?? 0, ...points.map(([, y]) => y)));
  const [across, up] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  return {
    x: (value) => rounded(margin.left + (across * (Math.log10(value) - least)) / (most - least)),
    y: (value) => rounded(height - margin.bottom - (up * value) / highest),
  };
}

/** The next number of the form 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function axes({ x, y, series, target }: Picture, scale: Scale): string[] {
  const points = series.flatMap((one) => one.points);
  const highest = niceAbove(Math.max(target?.value ?? 0, ...points.map((one) => one[1])));
  const [left, right, bottom] = [margin.left, width - margin.right, height - margin.bottom];
  const xs = [...new Set(points.map(([value]) => value))];
  return [
    line(left, bottom, right, bottom, ink),
    line(left, margin.top, left, bottom, ink),
    ...xs.map((value) => text(scale.x(value), bottom + 20, shown(value), "text-anchor='middle'")),
    ...[0, 0.5, 1].map((share) =>
      text(left - 8, scale.y(share * highest) + 4, shown(share * highest), "text-anchor='end'"),
    ),
    text((left + right) / 2, bottom + 42, x, "text-anchor='middle'"),
    text(left, margin.top - 8, y, ""),
  ];
}

function targetLine({ name, value }: NonNullable<Picture["target"]>, scale: Scale): string[] {
  const [at, right] = [scale.y(value), width - margin.right];
  return [
    `<line x1="${margin.left}" y1="${at}" x2="${right}" y2="${at}" stroke="${ink}" stroke-dasharray="4 4"/>`,
    text(right + 8, at + 4, name, ""),
  ];
}

function lineOf({ points }: Series, color: string, scale: Scale): string[] {
  const path = points.map(([x, y]) => `${scale.x(x)},${scale.y(y)}`).join(" ");
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...points.map(
      ([x, y]) =>
        `<circle cx="${scale.x(x)}" cy="${scale.y(y)}" r="3.5" fill="${color}"><title>${shown(x)}: ${shown(y)}</title></circle>`,
    ),
  ];
}

/** The names of the lines at their ends, at least one text line apart. */
function labels({ series }: Picture, scale: Scale): string[] {
  const wanted = series
    .map(({ name, points }, index) => {
      const [, last] = points.at(-1) ?? [0, 0];
      return {
        name: `${name}: ${shown(last)}`,
        at: scale.y(last),
        color: colors[index % colors.length] ?? ink,
      };
    })
    .toSorted((a, b) => a.at - b.at);
  let free = 0;
  return wanted.map(({ name, at, color }) => {
    const y = Math.max(at + 4, free);
    free = y + 17;
    return text(width - margin.right + 8, y, name, `fill='${color}'`);
  });
}

function line(x1: number, y1: number, x2: number, y2: number, color: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${color}"/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  const quoted = attributes === "" ? "" : ` ${attributes.replaceAll("'", '"')}`;
  return `<text x="${x}" y="${y}"${quoted}>${escaped(content)}</text>`;
}

function shown(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 });
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
