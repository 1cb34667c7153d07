/** The environment of a run, which tests can replace. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the default config file. */
  readonly home: string;
  /** Whether the output is interactive; only then are titles bold and progress bars drawn. */
  readonly isTty: boolean;
  readonly nowMs: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Cells of a line of the terminal; `undefined`: the output is none, and nothing is cut. */
  readonly columns?: number | undefined;
  /** Asks a person, and returns the line that was typed; `undefined`: nobody is there to answer. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** All of the input. */
  readonly readInput?: (() => Promise<Uint8Array>) | undefined;
  /** Lets a person edit a text in `$VISUAL` or `$EDITOR`; `undefined`: nobody is there. */
  readonly edit?: ((text: string) => Promise<string>) | undefined;
}
