<?php

namespace App;

class Answer
{
    public static function text(): string
    {
        return "THE-ANSWER";
    }
}
