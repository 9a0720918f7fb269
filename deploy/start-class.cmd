@echo off
rem Starts a class: double-click this file. The whole network may join; see
rem before-class.zh.html or before-class.en.html beside it.
rem Only ASCII up to chcp: the code page of the window is not known before.
rem The program itself writes Unicode to the window, whatever its code page is.
setlocal
cd /d "%~dp0"
title tcp-classroom
if not exist "tcp-classroom.exe" goto :missing
"%~dp0tcp-classroom.exe" --lan --open=page,board,teacher %*
set code=%errorlevel%
rem The window stays open, so that the last lines can be read.
echo.
pause
exit /b %code%

:missing
rem Started from inside the zip file, of which Windows unpacked this file alone.
chcp 65001 >nul
echo Please unpack the whole zip file first: right-click it, "Extract All...".
echo 请先解压整个 zip 文件：右键点它，选“全部解压缩…”。
echo.
pause
exit /b 1
