/**
 * Debian's packages of any architecture and release, by an apt with its lists, cache and status in a folder of
 * its own: the machine's own apt knows nothing of it.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The mirror that this machine's own apt uses. */
function mirror(): string {
  const lines = run(
    'apt-get',
    ['indextargets', '--format', '$(ORIGIN) $(LABEL) $(REPO_URI)', 'Created-By: Packages'],
    '/',
  );
  const uri = /^Debian Debian (\S+)$/m.exec(lines)?.[1];
  if (uri === undefined)
    throw new Error('apt knows no Debian mirror; is this Debian, and has apt-get update been run?');
  return uri;
}

export class Debian {
  readonly #folder: string;
  readonly #options: string[];

  constructor(folder: string, architecture: string, release: string) {
    this.#folder = folder;
    for (const path of ['sources', 'lists/partial', 'cache/archives/partial', 'packages'])
      mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, 'status'), '');
    writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror()} ${release} main\n`);
    const settings: Record<string, string> = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': 'root', // the folder may be closed to apt's own user
      'Dir::Etc::sourcelist': join(folder, 'sources.list'),
      'Dir::Etc::sourceparts': join(folder, 'sources'),
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
      'Dir::Cache': join(folder, 'cache'),
    };
    this.#options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    run('apt-get', [...this.#options, '-qq', 'update'], folder);
  }

  /**
   * The packages with the newest kernel that a metapackage stands for, and with its modules. The newest releases give each
   * one of its own.
   */
  kernelOf(meta: string): { kernel: string; modules: string } {
    const image = this.#dependency(meta, 'linux-image-');
    if (image === undefined) throw new Error(`${meta} depends on no kernel package`);
    const own = (prefix: string): string => this.#dependency(image, prefix) ?? image;
    return { kernel: own('linux-binary-'), modules: own('linux-modules-') };
  }

  #dependency(name: string, prefix: string): string | undefined {
    const text = run('apt-cache', [...this.#options, 'depends', name], this.#folder);
    return new RegExp(`Depends: (${prefix}\\d\\S*)`).exec(text)?.[1];
  }

  /** These packages and all that they need, as apt would install them where nothing is. */
  withDependencies(names: string[]): string[] {
    const args = [...this.#options, '-qq', '--simulate', '--no-install-recommends', 'install', ...names];
    return [...run('apt-get', args, this.#folder).matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
  }

  /** Downloads packages and unpacks them, or only the paths that match some patterns of the shell, into a folder. */
  unpack(names: string[], target: string, ...patterns: string[]): void {
    mkdirSync(target, { recursive: true });
    const packages = join(this.#folder, 'packages');
    const found = (name: string): string | undefined =>
      readdirSync(packages).find((file) => file.startsWith(`${name}_`));
    const missing = names.filter((name) => found(name) === undefined);
    if (missing.length > 0) run('apt-get', [...this.#options, '-qq', 'download', ...missing], packages);
    for (const name of names) {
      const file = join(packages, found(name) ?? `${name}_`);
      if (!existsSync(file)) throw new Error(`apt did not download ${name}`);
      run(
        'sh',
        [
          '-c',
          'file=$1 target=$2; shift 2; dpkg-deb --fsys-tarfile "$file" | tar -x -C "$target" ${1:+--wildcards} "$@"',
          'sh',
          file,
          target,
          ...patterns,
        ],
        packages,
      );
    }
  }
}
