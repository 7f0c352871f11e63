; SPDX-License-Identifier: Apache-2.0
;
; A 64 KiB ROM that proves that a processor works: real mode, protected mode, long mode with paging, CPUID, RDTSC, an MSR, an
; exception through the IDT, and two million turns of a loop, which an accelerator that emulates every guest instruction cannot
; finish in time. It ends by writing 0x10 to isa-debug-exit: QEMU's exit code is then 0x10*2+1 = 33.
;
; Build: nasm -f bin probe.asm -o probe.bin

ROM     equ 0xF0000             ; where the last 64 KiB of the first MiB show the ROM
TABLES  equ 0x10000             ; page tables: PML4, PDPT, one page directory of 2 MiB pages
IDT     equ 0x14000
EXIT    equ 0xF4                ; isa-debug-exit
TURNS   equ 2000000

        bits 16
        org 0
real:   cli
        lgdt [cs:gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:ROM + protected

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr:   dw 31
        dd ROM + gdt

        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x8000
        mov edi, TABLES
        xor eax, eax
        mov ecx, 0x3000 / 4
        rep stosd
        mov dword [TABLES], TABLES + 0x1003
        mov dword [TABLES + 0x1000], TABLES + 0x2003
        mov edi, TABLES + 0x2000
        mov eax, 0x83           ; present, writable, 2 MiB page
        mov ecx, 512
.page:  mov [edi], eax
        add edi, 8
        add eax, 0x200000
        loop .page
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr4
        or eax, 0x20            ; PAE
        mov cr4, eax
        mov ecx, 0xC0000080     ; EFER
        rdmsr
        or eax, 0x100           ; LME
        wrmsr
        mov eax, cr0
        or eax, 0x80000001      ; PG, PE
        mov cr0, eax
        jmp 0x18:ROM + long_mode

        bits 64
long_mode:
        xor eax, eax
        cpuid
        rdtsc
        mov ecx, 0x1b           ; IA32_APIC_BASE
        rdmsr
        mov edi, IDT + 6 * 16   ; vector 6, invalid opcode
        mov eax, ROM + invalid_opcode
        mov [rdi], ax
        mov word [rdi + 2], 0x18
        mov word [rdi + 4], 0x8e00
        shr eax, 16
        mov [rdi + 6], ax
        mov qword [rdi + 8], 0
        lidt [abs ROM + idtr]
        ud2
        mov al, 0x7f            ; not reached: exit code 255
        out EXIT, al
invalid_opcode:
        mov ecx, TURNS
.turn:  dec ecx
        jnz .turn
        mov al, 0x10
        out EXIT, al
.halt:  hlt
        jmp .halt

        align 8
idtr:   dw 0xfff
        dq IDT
        times 0xfff0 - ($ - $$) db 0xf4
        bits 16
        jmp 0xF000:real         ; the reset vector
        times 0x10000 - ($ - $$) db 0
