import { errorLine } from '../output/error-line.js';
import { actionOf, type DashAction, type DashActions } from './action.js';
import { type DashReads, loadContent } from './content.js';
import type { DashCommand, Edit } from './keys.js';
import {
  type DashState,
  edited,
  firstState,
  jumpedTo,
  navigate,
  received,
  resized,
  selectedQueue,
  selectedSchedule,
  selectedTasks,
  shown,
  showsOther,
} from './state.js';

interface DashDeps {
  readonly inspector: DashReads & DashActions;
  readonly nowMs: () => number;
  /** Size of the terminal. */
  readonly lines: number;
  readonly columns: number;
  /** Called when the state has changed. */
  readonly onChange: () => void;
  readonly onQuit: () => void;
}

/** The dashboard without its screen: executes commands, reads the visible content, and keeps the state. */
export class Dash {
  #state: DashState;
  #isWanted = false;
  #loading: Promise<void> | undefined;

  constructor(private readonly deps: DashDeps) {
    this.#state = firstState(deps.lines, deps.columns);
  }

  get state(): DashState {
    return this.#state;
  }

  /** Resolves when the effect of the command is on the screen. Never rejects: errors are shown in the footer. */
  async press(command: DashCommand): Promise<void> {
    const { asked, frames } = this.#state;
    if (command === 'quit' || (command === 'back' && frames.length === 1)) return this.deps.onQuit();
    this.#set({ ...this.#state, asked: undefined, notice: undefined });
    if (asked) {
      if (command === 'yes') await this.#perform(asked);
      return;
    }
    const before = this.#state;
    this.#set({ ...navigate(before, command), asked: this.#actionFor(command) });
    if (showsOther(before, this.#state)) await this.refresh();
  }

  /** The same for a key while a text is typed. */
  async edit(edit: Edit): Promise<void> {
    const before = this.#state;
    this.#set(edited(before, edit));
    if (before.input?.kind === 'jump' && edit.kind === 'accept') return this.#jump(before.input.text);
    if (showsOther(before, this.#state)) await this.refresh();
  }

  async resize(lines: number, columns: number): Promise<void> {
    this.#set(resized(this.#state, lines, columns));
    await this.refresh();
  }

  /** Refreshes at the end of an interval, unless a refresh is still pending. */
  async tick(): Promise<void> {
    if (!this.#loading) await this.refresh();
  }

  /** Reads the shown content. Requests during a reading are merged into one more reading after it. */
  refresh(): Promise<void> {
    this.#isWanted = true;
    return (this.#loading ??= this.#loadWhileWanted());
  }

  async #loadWhileWanted(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      const frame = shown(this.#state);
      const { view } = frame;
      try {
        const content = await loadContent(this.deps.inspector, frame, this.#state.lines);
        this.#set(received(this.#state, view, content, this.deps.nowMs()));
        const missing = 'missing' in content ? content.missing : undefined;
        if (missing) this.#set({ ...this.#state, loadError: errorLine(missing) });
        this.#isWanted ||= shown(this.#state).view !== view; // it was left, or its page no longer exists
      } catch (error) {
        this.#set({ ...this.#state, loadError: errorLine(error) });
      }
    }
    this.#loading = undefined;
  }

  #actionFor(command: DashCommand): DashAction | undefined {
    return actionOf(command, {
      queue: selectedQueue(this.#state),
      schedule: selectedSchedule(this.#state),
      tasks: selectedTasks(this.#state),
    });
  }

  /** Opens the queue of this name, or the first whose name begins with it or contains it. */
  async #jump(text: string): Promise<void> {
    if (text === '') return;
    try {
      const names = await this.deps.inspector.queues();
      const found =
        names.find((name) => name === text) ??
        names.find((name) => name.startsWith(text)) ??
        names.find((name) => name.includes(text));
      if (found === undefined) throw new Error(`no queue is named like "${text}"`);
      this.#set(jumpedTo(this.#state, found));
      await this.refresh();
    } catch (error) {
      this.#set({ ...this.#state, notice: errorLine(error) });
    }
  }

  async #perform({ perform }: DashAction): Promise<void> {
    const notice = await perform(this.deps.inspector).catch(errorLine);
    this.#set({ ...this.#state, notice });
    await this.refresh();
  }

  #set(state: DashState): void {
    this.#state = state;
    this.deps.onChange();
  }
}
