import { callSafely } from "./waiting.js";

/** Is told once that it begins, and again after each interruption. */
export class Beginning {
  #begun = false;

  constructor(private readonly began: () => void) {}

  /** From now on nothing is missed. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    callSafely(this.began, undefined);
  }

  interrupt(): void {
    this.#begun = false;
  }
}
