/** An answer of the server that is shown: asked for once, and again when something has happened. */
import { signal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { pulse } from "./pulse";
import { answered, client, orAfterFirst, reasonOf, statusOf } from "./server";
import { serverNow } from "./time";

export interface Answer<T> {
  readonly data: T | null;
  /** When it was so, in milliseconds. */
  readonly at: number;
  /** Why it is not there: not allowed, not known to this server, or another reason. */
  readonly trouble: { kind: "refused" | "missing" | "failed"; text: string } | null;
}

const NOTHING: Answer<never> = { data: null, at: 0, trouble: null };
const LEAST = 1000; // milliseconds between two questions
const SHARE = 10; // and so many times as long as the last answer took,
const MOST = 15_000; // but no longer than that

export async function ask<T>(route: string, query: Iterable<readonly [string, string]> = []): Promise<T> {
  try {
    return await client.peek().api.request<T>("GET", route, query);
  } finally {
    answered();
  }
}

/** One question, asked again with each pulse, though not too often. */
class Question<T> {
  readonly answer: Signal<Answer<T>> = signal(NOTHING);
  #timer: number | undefined;
  #asking = false;
  #again = false;
  #ended = false;
  #notBefore = 0;

  constructor(private readonly how: () => Promise<T>) {}

  /** Ask now, or as soon as it may be asked again. */
  ask(): void {
    if (this.#ended || this.#timer !== undefined) return;
    if (this.#asking) this.#again = true;
    else {
      const wait = Math.max(0, this.#notBefore - Date.now());
      if (wait === 0) void this.#run();
      else this.#timer = window.setTimeout(() => void this.#run(), wait);
    }
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#asking = true;
    const begun = Date.now();
    let rest = LEAST;
    try {
      const data = await this.how();
      rest = Math.max(LEAST, Math.min(MOST, SHARE * (Date.now() - begun)));
      if (!this.#ended) this.answer.value = { data, at: serverNow(), trouble: null };
    } catch (error) {
      if (!this.#ended) this.#failed(error);
    }
    this.#asking = false;
    this.#notBefore = Date.now() + rest; // what failed took long because nobody was there
    if (this.#again) {
      this.#again = false;
      this.ask();
    }
  }

  #failed(error: unknown): void {
    const status = statusOf(error);
    const kind = status === 401 || status === 403 ? "refused" : status === 404 ? "missing" : "failed";
    const { data, at } = this.answer.peek();
    // What was known before stays, with its age; what is no longer allowed does not.
    const kept = kind === "failed" ? { data, at } : { data: null, at: 0 };
    this.answer.value = { ...kept, trouble: { kind, text: reasonOf(error) } };
  }
}

/** The answer to `how`; `key` says what is asked, `null`: nothing yet. */
export function useAnswer<T>(key: string | null, how: () => Promise<T>): Answer<T> {
  const [question, setQuestion] = useState<Question<T> | null>(null);
  useEffect(() => {
    if (key === null) return;
    const made = new Question(how);
    setQuestion(made);
    orAfterFirst(() => made.ask());
    let isFirst = true;
    const stop = pulse.subscribe(() => {
      if (!isFirst) made.ask();
      isFirst = false;
    });
    return () => {
      stop();
      made.end();
    };
  }, [key]);
  return question?.answer.value ?? (NOTHING as Answer<T>);
}
