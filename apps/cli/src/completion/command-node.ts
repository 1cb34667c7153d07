import type { Cli } from '../commands/command.js';

/** A flag or an argument, as it is described to the parser. */
export interface Parameter {
  readonly describe?: string;
  readonly type?: 'string' | 'number' | 'boolean';
  readonly alias?: string;
  readonly choices?: readonly string[];
  /** Whether it may be given several times. */
  readonly array?: boolean;
  readonly namesQueue?: boolean;
}

export interface Flag extends Parameter {
  /** The name that the command knows it by, without dashes. */
  readonly name: string;
}

interface Subcommand {
  readonly names: readonly string[];
  readonly describe: string;
  readonly fill: (command: Cli) => unknown;
}

/**
 * A command as completion sees it. Takes the place of the parser where commands are described, and keeps what they say of
 * themselves: the parser knows no flags before the words of their command, and takes long to load.
 */
export class CommandNode {
  readonly subcommands: Subcommand[] = [];
  readonly arguments: Parameter[] = [];
  readonly #flags = new Map<string, Flag>();

  /** @param describe adds all that the command has */
  constructor(describe: (command: Cli) => unknown, parent?: CommandNode) {
    if (parent) for (const [name, flag] of parent.#flags) this.#flags.set(name, flag);
    describe(this as unknown as Cli);
  }

  /** By one of its names. */
  subcommand(name: string): CommandNode | undefined {
    const found = this.subcommands.find(({ names }) => names.includes(name));
    return found && new CommandNode(found.fill, this);
  }

  /** @param name may be an alias */
  flag(name: string): Flag | undefined {
    return this.#flags.get(name);
  }

  get flags(): ReadonlySet<Flag> {
    return new Set(this.#flags.values());
  }

  // What the parser has of the same names:

  command(usage: string | readonly string[], describe: string, fill: Subcommand['fill'] | object): this {
    const names = [usage].flat().map((one) => one.split(' ')[0]!);
    this.subcommands.push({
      names,
      describe,
      fill: typeof fill === 'function' ? (fill as Subcommand['fill']) : () => {},
    });
    return this;
  }

  option(name: string, parameter: Parameter): this {
    this.#flags.set(name, { ...parameter, name });
    return parameter.alias === undefined ? this : this.alias({ [name]: parameter.alias });
  }

  options(parameters: Readonly<Record<string, Parameter>>): this {
    for (const [name, parameter] of Object.entries(parameters)) this.option(name, parameter);
    return this;
  }

  positional(_name: string, parameter: Parameter): this {
    this.arguments.push(parameter);
    return this;
  }

  alias(aliases: Readonly<Record<string, string>>): this {
    for (const [name, alias] of Object.entries(aliases)) this.#flags.set(alias, this.#flags.get(name)!);
    return this;
  }

  help(name: string, describe: string): this {
    return this.option(name, { type: 'boolean', describe });
  }

  version(): this {
    return this.option('version', { type: 'boolean', describe: 'Print the version' });
  }

  conflicts(): this {
    return this;
  }

  demandCommand(): this {
    return this;
  }

  strict(): this {
    return this;
  }

  recommendCommands(): this {
    return this;
  }
}
