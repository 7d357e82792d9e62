/** A traceback: library frames are folded, the last frame of the host's own code is marked, and it
 * is scrolled to its end. */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Copy } from "../parts/copy";
import { lastOwn, partsOf, type Part } from "./frames";

const MOST = 60_000; // characters that are shown

export function Traceback({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const parts = useMemo(() => partsOf(text.slice(-MOST)), [text]);
  const own = lastOwn(parts);
  useLayoutEffect(() => {
    const { current } = box;
    if (current) current.scrollTop = current.scrollHeight;
  }, [text]);
  return (
    <div class="traceback">
      <Copy what={label} text={() => text} />
      <div ref={box} class="code" tabIndex={0} role="region" aria-label={label} dir="ltr">
        {parts.map((part, index) => (
          <OnePart key={index} part={part} isLast={part.kind === "own" && part.frame === own} />
        ))}
      </div>
    </div>
  );
}

function OnePart({ part, isLast }: { part: Part; isLast: boolean }) {
  if (part.kind === "text") return <pre>{part.text.replace(/\n$/, "")}</pre>;
  if (part.kind === "own") return <pre class={isLast ? "own last" : "own"}>{part.frame.text}</pre>;
  const count = part.frames.length;
  return (
    <details>
      <summary>
        {count} library {count === 1 ? "frame" : "frames"}
      </summary>
      <pre>{part.frames.map(({ text }) => text).join("\n")}</pre>
    </details>
  );
}
