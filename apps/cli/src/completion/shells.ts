import { type CurrentWord, quoted, readShellLine } from './shell-line.js';

/** What may stand at the cursor. */
export interface Offer {
  readonly value: string;
  readonly describe?: string | undefined;
}

interface Shell {
  /** Asks `asynq --complete` with its name and the line before and behind the cursor. */
  readonly script: string;
  /** A line of the answer. */
  readonly show: (offer: Offer, current: CurrentWord, replaced: string) => string;
}

/** The shells with completion. In each of them, file names are offered where nothing else is. */
export const SHELLS = {
  bash: {
    // Bash replaces the current word only from its last `=` or `:` on, which is its second argument.
    script: `_asynq() {
  local offer
  COMPREPLY=()
  while IFS= read -r offer; do
    COMPREPLY+=("$offer")
  done < <(asynq --complete bash "\${COMP_LINE:0:COMP_POINT}" "\${COMP_LINE:COMP_POINT}" "$2" 2> /dev/null)
}
complete -o bashdefault -o default -F _asynq asynq
`,
    show: ({ value }, { raw, quote }, replaced) => {
      const kept = readShellLine(raw.slice(0, raw.length - replaced.length), { env: {}, home: '~' }).current.text;
      return quoted(value.slice(kept.length), quote);
    },
  },
  zsh: {
    script: `_asynq() {
  local -a offers
  offers=("\${(@f)$(asynq --complete zsh "\${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" "$SUFFIX \${(j: :)words[CURRENT+1,-1]}" 2> /dev/null)}")
  if [[ -n $offers ]]; then _describe asynq offers; else _files; fi
}
compdef _asynq asynq
`,
    show: ({ value, describe }) =>
      value.replaceAll(':', String.raw`\:`) + (describe === undefined ? '' : `:${describe}`),
  },
  fish: {
    script: `function __asynq_offers
  set -l line (commandline -cp)
  set -l whole (commandline -p | string collect)
  asynq --complete fish "$line" (string sub -s (math (string length -- "$line") + 1) -- "$whole") 2> /dev/null
end
complete -c asynq -f -a '(__asynq_offers)'
complete -c asynq -l config -r -F
`,
    show: ({ value, describe }) => (describe === undefined ? value : `${value}\t${describe}`),
  },
} as const satisfies Record<string, Shell>;

export type ShellName = keyof typeof SHELLS;
export const SHELL_NAMES = Object.keys(SHELLS) as ShellName[];

export const isShellName = (name: string | undefined): name is ShellName =>
  name !== undefined && Object.hasOwn(SHELLS, name);
