/** `aichain completion`: a script for the shell, made from the commands as they are declared. */
import { Argument, Command } from 'commander';
import { type CommonOptions, type Context, outputOf } from './context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completion(context: Context): Command {
  const command = new Command('completion')
    .summary('print a completion script for the shell')
    .description(
      'Prints a completion script. bash: source <(aichain completion bash); zsh: source <(aichain completion zsh); fish: aichain completion fish | source.',
    )
    .addArgument(new Argument('<shell>').choices(SHELLS));
  return command.action((shell: Shell, options: CommonOptions) => {
    const commands = leaves(command.parent!, []);
    const script = shell === 'fish' ? fish(commands) : shell === 'zsh' ? zsh(commands) : bash(commands);
    outputOf(context, options).answer({ shell, script }, script);
  });
}

interface Flag {
  readonly names: readonly string[];
  readonly description: string;
  /** Values, where there is a closed list. */
  readonly choices: readonly string[];
  readonly takesValue: boolean;
}

interface Known {
  /** `['prove', 'inclusion']`; empty for the program itself. */
  readonly path: readonly string[];
  readonly summary: string;
  /** What may follow: subcommands, or the choices of the first argument. */
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
}

/** The command and all below it. */
function leaves(command: Command, path: readonly string[]): Known[] {
  const own: Known = {
    path,
    summary: command.summary(),
    words:
      command.commands.length > 0
        ? command.commands.map((sub) => sub.name())
        : (command.registeredArguments[0]?.argChoices ?? []),
    flags: command
      .createHelp()
      .visibleOptions(command)
      .map(({ short, long, description, argChoices, required, optional }) => ({
        names: [short, long].filter((name) => name !== undefined && name !== null),
        description,
        choices: argChoices ?? [],
        takesValue: required || optional,
      })),
  };
  return [own, ...command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]))];
}

/** Options with closed lists complete their values; file names come from the shell's own completion. */
function bash(commands: readonly Known[]): string {
  const cases = commands.map(({ path, words, flags }) => {
    const values = flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ names, choices }) => `        ${names.join('|')}) words='${choices.join(' ')}'; values=1 ;;`);
    const open = flags.filter(({ takesValue, choices }) => takesValue && choices.length === 0);
    const files =
      open.length === 0 ? [] : [`        ${open.flatMap(({ names }) => names).join('|')}) return ;;`];
    return `    '${path.join(' ')}')
      words='${words.join(' ')}'
      flags='${flags.flatMap(({ names }) => names).join(' ')}'
      case "$prev" in
${[...values, ...files, '        *) ;;'].join('\n')}
      esac ;;`;
  });
  const nested = commands.filter(({ path }) => path.length > 0).map(({ path }) => `'${path.join(' ')}'`);
  return `# aichain completion for bash
_aichain() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local command='' words='' flags='' values='' word next i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${command:+$command }$word"
    case "$next" in
      ${nested.join('|')}) command="$next" ;;
    esac
  done
  case "$command" in
${cases.join('\n')}
  esac
  if [[ -n "$values" || "$cur" != -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  fi
}
complete -o default -F _aichain aichain`;
}

/** zsh runs bash's completion functions. */
function zsh(commands: readonly Known[]): string {
  return `autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`;
}

function fish(commands: readonly Known[]): string {
  const lines = commands.flatMap(({ path, flags }) => {
    const condition = conditionFor(path, commands);
    const below = commands.filter((sub) => sub.path.length === path.length + 1 && startsWith(sub.path, path));
    const words = path.length > 0 && below.length === 0 ? wordsOf(commands, path) : [];
    return [
      ...below.map(
        (sub) => `complete -c aichain -f -n '${condition}' -a ${sub.path.at(-1)} -d '${quoted(sub.summary)}'`,
      ),
      ...words.map((word) => `complete -c aichain -f -n '${condition}' -a ${word}`),
      ...flags.map((flag) => `complete -c aichain -n '${condition}' ${fishFlag(flag)}`),
    ];
  });
  return ['# aichain completion for fish', ...lines].join('\n');
}

function wordsOf(commands: readonly Known[], path: readonly string[]): readonly string[] {
  return commands.find((known) => known.path === path)?.words ?? [];
}

/** True where `path` has been typed, and no command below it. */
function conditionFor(path: readonly string[], commands: readonly Known[]): string {
  if (path.length === 0) return '__fish_use_subcommand';
  const below = commands.filter((sub) => sub.path.length > path.length && startsWith(sub.path, path));
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const names = below.map((sub) => sub.path.at(-1)).join(' ');
  return names === '' ? seen : `${seen}; and not __fish_seen_subcommand_from ${names}`;
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((word, i) => path[i] === word);
}

function fishFlag({ names, description, choices, takesValue }: Flag): string {
  const spelled = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const value = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : takesValue ? ' -r' : '';
  return `${spelled.join(' ')}${value} -d '${quoted(description)}'`;
}

function quoted(text: string): string {
  return text.replace(/[\\']/g, '\\$&');
}
