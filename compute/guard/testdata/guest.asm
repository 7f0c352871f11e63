; SPDX-License-Identifier: Apache-2.0
;
; A boot sector that is a whole guest: tests of the guard need one that prints, uses its disk, obeys or ignores the power button,
; resets, powers off and panics, and boots in a second.
;
; It prints "BOOT" on the first serial port. Then on every timer tick (18 a second) it reads the disk's second sector and prints
; '.', or 'E' when the read failed. A letter received on the serial port commands it:
;   p  power off (ACPI S5)          r  reset          k  panic (pvpanic)
;   i  ignore the power button: it is answered with 'b' instead of power-off
;
; Build: nasm -f bin guest.asm -o guest.bin

COM1    equ 0x3f8
PM_STS  equ 0x600               ; q35 firmware puts the ACPI registers here
PM_EN   equ 0x602
PM_CNT  equ 0x604
BUTTON  equ 0x100
BUFFER  equ 0x8000
BAR0    equ 0x80002010          ; configuration address of BAR 0 of device 00:04.0, the pvpanic

        bits 16
        org 0x7c00
start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        mov dx, PM_EN
        mov ax, BUTTON
        out dx, ax
        sti
        mov si, hello
.hello: lodsb
        test al, al
        jz main
        call put
        jmp .hello

main:   hlt                     ; until the next tick
        call button
        call command
        mov ax, [0x46c]         ; the BIOS's tick counter
        cmp ax, [last]
        je main
        mov [last], ax
        mov ah, 0x42            ; extended read
        mov dl, [drive]
        mov si, packet
        int 0x13
        mov al, '.'
        jnc .ok
        mov al, 'E'
.ok:    call put
        jmp main

put:    push ax                 ; the character in AL
        mov dx, COM1 + 5
.full:  in al, dx
        test al, 0x20
        jz .full
        pop ax
        mov dx, COM1
        out dx, al
        ret

button: mov dx, PM_STS
        in ax, dx
        test ax, BUTTON
        jz .no
        mov ax, BUTTON
        out dx, ax              ; writing one clears it
        cmp byte [ignore], 0
        je off
        mov al, 'b'
        call put
.no:    ret

command:
        mov dx, COM1 + 5
        in al, dx
        test al, 1
        jz .none
        mov dx, COM1
        in al, dx
        cmp al, 'p'
        je off
        cmp al, 'r'
        je reset
        cmp al, 'k'
        je panic
        cmp al, 'i'
        jne .none
        mov byte [ignore], 1
        call put
.none:  ret

off:    mov al, 'B'
        call put
        mov dx, PM_CNT
        mov ax, 0x2000          ; S5, now
        out dx, ax
        jmp $

reset:  mov dx, 0xcf9
        mov al, 6
        out dx, al
        jmp $

panic:  cli
        mov dx, 0xcf8
        mov eax, BAR0
        out dx, eax
        mov dx, 0xcfc
        in eax, dx
        and eax, 0xfffffff0
        mov ebx, eax
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp short .flat
.flat:  mov cx, 8
        mov ds, cx              ; a 4 GiB limit that stays after leaving protected mode
        and al, 0xfe
        mov cr0, eax
        mov byte [ebx], 1
        xor ax, ax
        mov ds, ax
        sti
        jmp main

        align 8
gdt:    dq 0, 0x00cf92000000ffff
gdtr:   dw 15
        dd gdt
packet: db 16, 0
        dw 1, BUFFER, 0         ; one sector to 0000:BUFFER
        dq 1
hello:  db "BOOT", 13, 10, 0
drive:  db 0
ignore: db 0
last:   dw 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
