/** Attacks, for people: which there are, and what came of one that was played. */
import type { Attack, Stop } from '../participants/scenario/attacks/attack.ts';
import type { AttackOutcome } from '../participants/scenario/attacks/run.ts';
import { printable } from './printable.ts';
import type { Json, Output } from './terminal.ts';

interface Answer {
  readonly json: Json;
  readonly text: string;
}

export function attackList(attacks: readonly Attack[]): Answer {
  const json = attacks.map(({ name, title, story, expected }) => {
    return { name, title, story, expected: expected.map(stopJson) };
  });
  const text = attacks.flatMap(({ name, title, story, expected }) => [
    `${name}  ${title}`,
    `  ${story}`,
    ...expected.map((stop) => `  stopped by ${stopText(stop)}`),
    '',
  ]);
  return { json, text: text.join('\n').trimEnd() };
}

export function attackAnswer(output: Output, { attack, tries, stopped }: AttackOutcome): Answer {
  const { name, title, story } = attack;
  const json = {
    ...{ attack: name, title, stopped },
    tries: tries.map(({ who, what, expected, seen, detail }) => {
      return { who, what, expected: expected && stopJson(expected), seen: seen && stopJson(seen), detail };
    }),
  };
  const text = tries.flatMap(({ who, what, expected, seen, detail }, i) => {
    const asDeclared = seen && expected && seen.gate === expected.gate && seen.reason === expected.reason;
    return [
      '',
      `${i + 1}. ${printable(who)} tries to ${printable(what)}`,
      `   expected  ${expected ? stopText(expected) : 'nothing more'}`,
      `   seen      ${output.paint(asDeclared ? 'green' : 'red', seen ? stopText(seen) : 'it got through')}`,
      ...(seen ? [`   said      ${printable(detail)}`] : []),
    ];
  });
  const untried = attack.expected.slice(tries.length).map((stop) => `not tried  ${stopText(stop)}`);
  const end = stopped ? `STOPPED: ${name}, as declared` : `NOT STOPPED AS DECLARED: ${name}`;
  return {
    json,
    text: [`${name}: ${title}`, story, ...text, ...untried, '', end].join('\n'),
  };
}

function stopJson({ gate, reason }: Stop) {
  return { gate, reason };
}

function stopText({ gate, reason }: Stop): string {
  return `${gate}: ${reason}`;
}
