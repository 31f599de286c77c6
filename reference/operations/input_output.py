"""Input and output: immediates, advice, memory (spec 01, section 8.5).

Each memory access is one row of the memory chiplet. Addresses are field elements: s12 + 4 and s12 + 8 wrap modulo p.
"""

from __future__ import annotations

from reference.definition.field import P, as_word
from reference.machine import NO_HELPERS, Helpers, Machine


def push(machine: Machine, immediate: int) -> Helpers:
    """PUSH(v): push a constant of the program.

    Operands: the immediate v.
    Effect: s0' = v; right from 0.
    Helpers: none.
    Lookups: op group removal (addr, group_count, v).
    Errors: none.
    """
    machine.push(immediate)
    return NO_HELPERS


def advpop(machine: Machine, _immediate: int) -> Helpers:
    """ADVPOP: push one element of the advice stack.

    Operands: none.
    Effect: s0' = the popped element; right from 0.
    Helpers: none.
    Lookups: none.
    Errors: advice stack empty: AdviceError.StackReadFailed with clk.
    """
    machine.push(machine.host.pop_element(machine.clk))
    return NO_HELPERS


def advpopw(machine: Machine, _immediate: int) -> Helpers:
    """ADVPOPW: overwrite the top word with one of the advice stack.

    Operands: none; s0..s3 are overwritten.
    Effect: W(0)' = (w0, w1, w2, w3), w0 popped first, w3 on top; none from 4.
    Helpers: none.
    Lookups: none.
    Errors: fewer than 4 advice elements: AdviceError.StackReadFailed with clk.
    """
    machine.set_word(0, machine.host.pop_word(machine.clk))
    return NO_HELPERS


def mload(machine: Machine, _immediate: int) -> Helpers:
    """MLOAD: read an element.

    Operands: address s0.
    Effect: s0' = mem[s0]; none from 1.
    Helpers: none.
    Lookups: memory element(12, ctx, s0, clk, s0').
    Errors: s0 >= 2^32: MemoryError.AddressOutOfBounds.
    """
    stack = machine.stack
    stack[0] = machine.memory.read_element(machine.ctx, stack[0], machine.clk)
    return NO_HELPERS


def mstore(machine: Machine, _immediate: int) -> Helpers:
    """MSTORE: write an element.

    Operands: address s0, value s1.
    Effect: mem[s0] := s1; drops s0; left from 1.
    Helpers: none.
    Lookups: memory element(4, ctx, s0, clk, s1).
    Errors: s0 >= 2^32: MemoryError.AddressOutOfBounds.
    """
    address, value = machine.stack[:2]
    machine.memory.write_element(machine.ctx, address, value, machine.clk)
    machine.drop()
    return NO_HELPERS


def mloadw(machine: Machine, _immediate: int) -> Helpers:
    """MLOADW: read a word over the four items below the address.

    Operands: address s0; s1..s4 are overwritten.
    Effect: w = mem[s0..s0+3]; W(0)' = w, w3 on top; left from 5.
    Helpers: none.
    Lookups: memory word(28, ctx, s0, clk, w).
    Errors: s0 >= 2^32: MemoryError.AddressOutOfBounds; unaligned: MemoryError.UnalignedWordAccess with clk.
    """
    word = machine.memory.read_word(machine.ctx, machine.stack[0], machine.clk)
    machine.drop()
    machine.set_word(0, word)
    return NO_HELPERS


def mstorew(machine: Machine, _immediate: int) -> Helpers:
    """MSTOREW: write the word below the address.

    Operands: address s0, w = W(1).
    Effect: mem[s0..s0+3] := w = (s4, s3, s2, s1); drops s0; left from 1.
    Helpers: none.
    Lookups: memory word(20, ctx, s0, clk, w).
    Errors: s0 >= 2^32: MemoryError.AddressOutOfBounds; unaligned: MemoryError.UnalignedWordAccess with clk.
    """
    machine.memory.write_word(machine.ctx, machine.stack[0], machine.word(1), machine.clk)
    machine.drop()
    return NO_HELPERS


def mstream(machine: Machine, _immediate: int) -> Helpers:
    """MSTREAM: read two words over the two top words.

    Operands: address s12; s0..s7 are overwritten.
    Effect: u = mem[s12..], w = mem[s12+4..]; W(0)' = w, W(4)' = u, s12' = s12 + 8; 8-11 and from 13 stay.
    Helpers: none.
    Lookups: memory word(28, ctx, s12, clk, u), word(28, ctx, s12 + 4, clk, w).
    Errors: for s12, then s12 + 4: >= 2^32: MemoryError.AddressOutOfBounds; unaligned: .UnalignedWordAccess with clk.
    """
    stack = machine.stack
    address = stack[12]
    first = machine.memory.read_word(machine.ctx, address, machine.clk)
    second = machine.memory.read_word(machine.ctx, (address + 4) % P, machine.clk)
    machine.set_word(0, second)
    machine.set_word(4, first)
    stack[12] = (address + 8) % P
    return NO_HELPERS


def pipe(machine: Machine, _immediate: int) -> Helpers:
    """PIPE: move two words from the advice stack to memory and over the two top words.

    Operands: address s12; s0..s7 are overwritten.
    Effect: pops u, w; mem[s12..] := u, mem[s12+4..] := w; stack as MSTREAM; 8-11 and from 13 stay.
    Helpers: none.
    Lookups: memory word(20, ctx, s12, clk, u), word(20, ctx, s12 + 4, clk, w).
    Errors: fewer than 8 advice elements: AdviceError.StackReadFailed with clk; then as MSTREAM.
    """
    stack = machine.stack
    popped = machine.host.pop_dword(machine.clk)
    first, second = as_word(popped[:4]), as_word(popped[4:])
    address = stack[12]
    machine.memory.write_word(machine.ctx, address, first, machine.clk)
    machine.memory.write_word(machine.ctx, (address + 4) % P, second, machine.clk)
    machine.set_word(0, second)
    machine.set_word(4, first)
    stack[12] = (address + 8) % P
    return NO_HELPERS
