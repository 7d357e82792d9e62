/** A value as a tree or as JSON. Every part of it is text to the browser, whatever it says. */
import { useState } from "preact/hooks";
import { Copy } from "./copy";

const LONG = 300; // characters of a text that are shown at first
const MANY = 100; // items that are shown at first
const OPEN_DEPTH = 2; // so deep, and with so FEW items, a part is open at first
const FEW = 20;
const WEB = /^https?:\/\/[^\s<>"']{1,280}$/i;

const MOST_JSON = 200_000; // characters that are shown at once

/** A value with the choice of how to see it; `what` names it. */
export function Value({ value, what }: { value: unknown; what: string }) {
  const [isJson, setJson] = useState(false);
  return (
    <>
      <div class="row-buttons">
        <button type="button" class="quiet small" aria-pressed={isJson} onClick={() => setJson(!isJson)}>
          JSON
        </button>
        <Copy what={what} text={() => JSON.stringify(value, null, 2)} />
      </div>
      {isJson ? (
        <pre class="code" tabIndex={0} role="region" aria-label={`${what} as JSON`}>
          <code>{JSON.stringify(value, null, 2).slice(0, MOST_JSON)}</code>
        </pre>
      ) : (
        <div class="tree" dir="ltr">
          {isBranch(value) ? <Branch value={value} depth={0} /> : <Leaf value={value} />}
        </div>
      )}
    </>
  );
}

type Container = unknown[] | Record<string, unknown>;

function isBranch(value: unknown): value is Container {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function Branch({ value, depth }: { value: Container; depth: number }) {
  const [shown, setShown] = useState(MANY);
  const entries = Object.entries(value);
  return (
    <ul>
      {entries.slice(0, shown).map(([key, item]) => (
        <li key={key}>
          {isBranch(item) ? (
            <Folder name={key} value={item} depth={depth + 1} />
          ) : (
            <>
              <Key name={key} /> <Leaf value={item} />
            </>
          )}
        </li>
      ))}
      {entries.length > shown && (
        <li>
          <button type="button" class="link" onClick={() => setShown(shown + 10 * MANY)}>
            Show more ({(entries.length - shown).toLocaleString("en")} are left)
          </button>
        </li>
      )}
    </ul>
  );
}

function Folder({ name, value, depth }: { name: string; value: Container; depth: number }) {
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && Object.keys(value).length <= FEW);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Key name={name} /> <span class="fine">{sizeOf(value)}</span>
      </summary>
      {isOpen && <Branch value={value} depth={depth} />}
    </details>
  );
}

function sizeOf(value: Container): string {
  const count = Object.keys(value).length;
  const noun = Array.isArray(value) ? "item" : "field";
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function Key({ name }: { name: string }) {
  return (
    <span class="key">
      <bdi>{name.slice(0, LONG)}</bdi>:
    </span>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === "string") return <Text value={value} />;
  if (Array.isArray(value)) return <span class="empty">empty list</span>;
  if (typeof value === "object" && value !== null) return <span class="empty">empty object</span>;
  return <span class={typeof value}>{typeof value === "number" ? grouped(value) : String(value)}</span>;
}

/** A number with its digits in groups, where that says the same. */
function grouped(value: number): string {
  return Number.isSafeInteger(value) && Math.abs(value) >= 10_000 ? value.toLocaleString("en") : String(value);
}

function Text({ value }: { value: string }) {
  const [isWhole, setWhole] = useState(false);
  if (value === "") return <span class="empty">empty text</span>;
  if (WEB.test(value))
    return (
      <a class="string" href={value} target="_blank" rel="noopener noreferrer nofollow">
        <bdi>{value}</bdi>
      </a>
    );
  if (value.length <= LONG) return <bdi class="string">{value}</bdi>;
  return (
    <>
      <bdi
        class={isWhole ? "string whole" : "string"}
        tabIndex={isWhole ? 0 : undefined}
        role={isWhole ? "region" : undefined}
        aria-label={isWhole ? "The whole text" : undefined}
      >
        {isWhole ? value : `${value.slice(0, LONG)}…`}
      </bdi>{" "}
      <button type="button" class="link" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? "Show less" : `Show all ${value.length.toLocaleString("en")} characters`}
      </button>
    </>
  );
}
