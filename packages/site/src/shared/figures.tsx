/** Parts of pictures: coins, arrows, bars. */

/** A coin: full where it is on, a ring where it is off; as a ghost, what it did not do. */
export function Coin({
  x,
  y,
  r = 26,
  on,
  ghost = false,
  label,
}: {
  x: number;
  y: number;
  r?: number;
  on: boolean | undefined;
  ghost?: boolean;
  label?: string;
}) {
  const kind = on === undefined ? "waiting" : on ? "on" : "off";
  return (
    <g class={`coin ${kind} ${ghost ? "ghost" : ""}`}>
      <circle cx={x} cy={y} r={r} />
      <text x={x} y={y} class="coin-face">
        {on === undefined ? "?" : on ? "on" : "off"}
      </text>
      {label !== undefined && (
        <text x={x} y={y + r + 20} class="coin-name">
          {label}
        </text>
      )}
    </g>
  );
}

/** A horizontal arrow from one place to another; nothing where they are the same. */
export function Arrow({
  from,
  to,
  y,
  className,
}: {
  from: number;
  to: number;
  y: number;
  className: string;
}) {
  const length = Math.abs(to - from);
  const way = Math.sign(to - from);
  const head = Math.min(9, length);
  return (
    <g class={`arrow ${className}`}>
      {length < 1 ? (
        <circle cx={from} cy={y} r={3.5} />
      ) : (
        <>
          <line x1={from} y1={y} x2={to - way * head * 0.8} y2={y} />
          <path d={`M${to} ${y}l${-way * head} ${-head * 0.6}v${1.2 * head}z`} />
        </>
      )}
    </g>
  );
}

/** A number as a bar from the middle: right and blue for more, left and orange for less. */
export function Bar({ value, most, error = 0 }: { value: number; most: number; error?: number }) {
  const half = 50;
  const width = Math.min(half, (Math.abs(value) / most) * half);
  const spread = Math.min(half, (error / most) * half);
  const end = value < 0 ? half - width : half + width;
  return (
    <svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <line x1="50" x2="50" y1="0" y2="12" class="axis" />
      <rect
        x={value < 0 ? half - width : half}
        y="2"
        width={width}
        height="8"
        class={value < 0 ? "less" : "more"}
      />
      {spread > 0.3 && <line x1={end - spread} x2={end + spread} y1="6" y2="6" class="whisker" />}
    </svg>
  );
}
