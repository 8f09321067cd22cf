/** What /proc/cpuinfo tells of a riscv64 processor, in lines that Linux 6.12 printed on processors of an emulator. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missingExtensions } from '../../src/binding/processor.ts';

const RVA23S64 =
  'rv64imafdcvh_zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihintntl_zihintpause_zihpm_zimop_zawrs_zfa_zfhmin_zca_zcb_zcd_zcmop_zba_zbb_zbs_zkt_zvbb_zve32f_zve32x_zve64d_zve64f_zve64x_zvfhmin_zvkb_zvkt_smstateen_sscofpmf_sstc_svinval_svnapot_svpbmt';
const RVA22S64 =
  'rv64imafdc_zicbom_zicboz_zicntr_zicsr_zifencei_zihintpause_zihpm_zfhmin_zca_zcd_zba_zbb_zbs_zkt_svinval_svpbmt';
/** An emulator's default, which has later extensions and not v. */
const RV64 =
  'rv64imafdch_zicbom_zicboz_zicntr_zicsr_zifencei_zihintntl_zihintpause_zihpm_zawrs_zfa_zca_zcd_zba_zbb_zbc_zbs_sstc_svvptc';
/** The SiFive U54, of the profile RVA20. */
const RVA20 = 'rv64imafdc_zicntr_zicsr_zifencei_zihpm_zca_zcd';

/** The lines of a processor around `isa`. */
const cpuinfo = (...lines: string[]): string =>
  lines
    .map((isa, i) => `processor\t: ${i}\nhart\t\t: ${i}\nisa\t\t: ${isa}\nmmu\t\t: sv39\nhart isa\t: ${RVA23S64}\n\n`)
    .join('');

describe('the extensions that koffi’s binary needs', () => {
  test('are all there on RVA23', () => assert.deepEqual(missingExtensions(cpuinfo(RVA23S64, RVA23S64)), []));
  test('are named where they are missing', () => {
    const sinceRva22 = ['v', 'zvbb', 'zvfhmin', 'zfa', 'zicond', 'zcb', 'zawrs', 'zimop', 'zcmop'];
    assert.deepEqual(missingExtensions(cpuinfo(RVA22S64)), sinceRva22);
    const ofDefault = ['v', 'zvbb', 'zvfhmin', 'zfhmin', 'zicond', 'zcb', 'zimop', 'zcmop'];
    assert.deepEqual(missingExtensions(cpuinfo(RV64)), ofDefault);
    const sinceRva20 = [...sinceRva22, 'zba', 'zbb', 'zbs', 'zfhmin'].sort();
    assert.deepEqual(missingExtensions(cpuinfo(RVA20))?.sort(), sinceRva20);
  });
  test('are missing when one processor of several has them not', () => {
    const without = RVA23S64.replace('_zcb', '');
    assert.deepEqual(missingExtensions(cpuinfo(RVA23S64, without)), ['zcb']);
    assert.deepEqual(missingExtensions(cpuinfo(without, RVA23S64.replace('rv64imafdcv', 'rv64imafdc'))), ['v', 'zcb']);
  });
  test('are not taken from a longer name', () => {
    assert.deepEqual(missingExtensions(cpuinfo(RVA23S64.replace('_zfa_', '_zfab_xzfa_'))), ['zfa']);
    assert.deepEqual(missingExtensions(cpuinfo(RVA23S64.replace('cvh_', 'ch_xvendorv_'))), ['v']);
  });
  test('are unknown without a line that names any', () => {
    for (const text of ['', 'isa', 'isa\t\t: \n', 'isa\t\t: rv32imac\n', cpuinfo('RV64'), `hart isa\t: ${RVA23S64}\n`])
      assert.equal(missingExtensions(text), undefined);
  });
});
