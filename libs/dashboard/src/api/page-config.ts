/** The content of `<script type="application/json" id="config">`: the same for every person and page. */
export interface PageConfig {
  /** Version of the package. */
  readonly version: string;
  /** Names of the app's connections; the first is the default. */
  readonly connections: readonly string[];
  readonly readOnly: boolean;
  /** Badge of the environment. */
  readonly environment: EnvironmentBadge | undefined;
  /** Fields are hidden from payloads, headers, results and errors: say so beside them. */
  readonly redacts: boolean;
  /** Served by the command line, without an app around it. */
  readonly standalone: boolean;
}

/** What tells production from the rest, on every page. */
export interface EnvironmentBadge {
  readonly name: string;
  readonly color: 'gray' | 'blue' | 'green' | 'amber' | 'red' | 'violet';
}
